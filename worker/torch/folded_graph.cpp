#include "worker/torch/folded_graph.hpp"

#include <algorithm>

#include "worker/network/folded_convolution.hpp"

namespace thaw {

FoldedGraph fold_batch_norms(const LayerGraph& graph, const TensorMap& tensors, const std::vector<int>& cuts) {
    FoldedGraph folded{graph, tensors};
    std::vector<int> readers(graph.layers.size(), 0);
    for (const Layer& layer : graph.layers)
        for (const int input : layer.inputs) ++readers[static_cast<std::size_t>(input)];
    for (const int cut : cuts) ++readers[static_cast<std::size_t>(cut - 1)];
    for (Layer& norm : folded.graph.layers) {
        if (norm.kind != LayerKind::batch_norm) continue;
        const auto at = static_cast<std::size_t>(norm.inputs[0]);
        Layer& conv = folded.graph.layers[at];
        const bool within = tensors.contains(conv.tensors + ".weight") && tensors.contains(norm.tensors + ".bias");
        if (conv.kind != LayerKind::conv || readers[at] != 1 || !within) continue;
        FoldedConvolution both = fold(conv, &norm, tensors);
        const auto outputs = static_cast<std::int64_t>(both.bias.size());
        folded.tensors[conv.tensors + ".weight"].values = std::move(both.weight);
        folded.tensors[conv.tensors + ".bias"] = {{outputs}, std::move(both.bias)};
        conv.bias = true;
        norm.kind = LayerKind::dropout;  // which does nothing in inference
        norm.tensors.clear();
    }
    return folded;
}

}  // namespace thaw
