#include "worker/network/stage_context.hpp"

#include <fmt/format.h>

#include "worker/network/random_tensors.hpp"
#include "worker/weights/fit_weights.hpp"

namespace thaw {

std::shared_ptr<const Dataset> dataset_of(const std::string& path, StageContext& context) {
    return context.datasets.get(path, [&] { return read_dataset(path); });
}

std::shared_ptr<const TensorMap> tensors_of(const WeightsSpec& weights, const LayerGraph& graph, std::uint64_t seed,
                                            StageContext& context) {
    if (weights.path.empty()) {
        const std::string key = fmt::format("random {} {} {}", graph.backbone, graph.image_size, seed);
        return context.weights.get(key, [&] { return random_tensors(graph, seed); });
    }
    // Which of a file's tensors are taken, and how they are arranged, is the network's affair.
    const std::string key = fmt::format("{} {}", graph.backbone, weights.path);
    return context.weights.get(key, [&] { return fit_weights(graph, read_weights_file(weights.path), weights.path); });
}

}  // namespace thaw
