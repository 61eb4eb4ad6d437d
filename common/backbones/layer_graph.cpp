#include "common/backbones/layer_graph.hpp"

#include <algorithm>

#include "common/util/error.hpp"
#include "common/util/names.hpp"

namespace thaw {
namespace {

const NameTable<LayerKind> kKinds = {
    {LayerKind::input, "input"},
    {LayerKind::conv, "conv"},
    {LayerKind::batch_norm, "batch_norm"},
    {LayerKind::activation, "activation"},
    {LayerKind::zero_pad, "zero_pad"},
    {LayerKind::max_pool, "max_pool"},
    {LayerKind::average_pool, "average_pool"},
    {LayerKind::adaptive_average_pool, "adaptive_average_pool"},
    {LayerKind::global_average_pool, "global_average_pool"},
    {LayerKind::add, "add"},
    {LayerKind::multiply, "multiply"},
    {LayerKind::scale, "scale"},
    {LayerKind::normalize, "normalize"},
    {LayerKind::concat, "concat"},
    {LayerKind::crop, "crop"},
    {LayerKind::reshape, "reshape"},
    {LayerKind::flatten, "flatten"},
    {LayerKind::dense, "dense"},
    {LayerKind::dropout, "dropout"},
};

const NameTable<Activation> kActivations = {
    {Activation::none, "none"},
    {Activation::relu, "relu"},
    {Activation::relu6, "relu6"},
    {Activation::swish, "swish"},
    {Activation::sigmoid, "sigmoid"},
    {Activation::hard_swish, "hard_swish"},
    {Activation::hard_sigmoid, "hard_sigmoid"},
    {Activation::softmax, "softmax"},
};

const NameTable<PaddingStyle> kStyles = {{PaddingStyle::symmetric, "symmetric"},
                                         {PaddingStyle::tensorflow, "tensorflow"}};

}  // namespace

const char* to_string(LayerKind kind) {
    return name_of(kKinds, kind);
}
const char* to_string(Activation activation) {
    return name_of(kActivations, activation);
}
const char* to_string(PaddingStyle style) {
    return name_of(kStyles, style);
}
PaddingStyle parse_padding_style(const std::string& name) {
    return parse_name("padding style", kStyles, name);
}

int LayerGraph::find(const std::string& name) const {
    const auto found =
        std::find_if(layers.begin(), layers.end(), [&](const Layer& layer) { return layer.name == name; });
    return found == layers.end() ? -1 : static_cast<int>(found - layers.begin());
}

bool continues_counted_layer(const LayerGraph& graph, int index) {
    if (index == 0 || index == static_cast<int>(graph.layers.size())) return false;
    return !graph.layers[index].keras.empty() && graph.layers[index].keras == graph.layers[index - 1].keras;
}

int counted(const LayerGraph& graph, int layers) {
    int count = 0;
    for (int i = 0; i < layers; ++i) count += continues_counted_layer(graph, i) ? 0 : 1;
    return count;
}

int layers_of(const LayerGraph& graph, int counted) {
    const int all = static_cast<int>(graph.layers.size());
    int layers = 0;
    for (; layers < all; ++layers)
        if (!continues_counted_layer(graph, layers) && counted-- == 0) break;
    return layers;
}

std::vector<int> cuts(const LayerGraph& graph) {
    std::vector<int> found;
    int earliest = graph.top_begin - 1;  // the first layer that any layer from n on reads; the top reads the last one
    for (int n = graph.top_begin; n >= 1; --n) {
        if (earliest >= n - 1) found.push_back(n);
        for (const int input : graph.layers[n - 1].inputs) earliest = std::min(earliest, input);
    }
    std::reverse(found.begin(), found.end());
    return found;
}

std::vector<int> tap_cuts(const LayerGraph& graph) {
    std::vector<int> found = cuts(graph);
    std::vector<int> readers(graph.layers.size(), 0);
    for (const Layer& layer : graph.layers)
        for (const int input : layer.inputs) ++readers[input];
    std::erase_if(found, [&](int cut) {
        if (cut == graph.top_begin) return false;
        const LayerKind last = graph.layers[cut - 1].kind, next = graph.layers[cut].kind;
        if (last == LayerKind::zero_pad) return true;
        return readers[cut - 1] == 1 &&
               (next == LayerKind::activation || (next == LayerKind::batch_norm && last == LayerKind::conv));
    });
    return found;
}

LayerGraph cut_off(LayerGraph graph, int base_layers) {
    if (base_layers == 0) return graph;
    THAW_CHECK(base_layers > 1 && base_layers <= graph.top_begin, "a base of {} of {} layers", base_layers,
               graph.top_begin);
    graph.top_begin = base_layers;
    graph.is_cut_off = true;
    return graph;
}

}  // namespace thaw
