// Parameters for tests of networks: functions of the tensors' names, the same as tests/parity/counter_random.py makes.
#pragma once

#include <string>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "tests/support/uniform_within.hpp"
#include "worker/network/random_tensors.hpp"

namespace thaw {

/// Random weights as random_tensors() draws them, but with biases and with batch-norms that are not the identity. The
/// last one of a bottleneck is weak, or the sums of fifty blocks would grow until biases are lost in them; those of
/// MobileNetV3 are somewhat, for its hard gates.
inline TensorMap filled_tensors(const LayerGraph& graph) {
    TensorMap tensors = random_tensors(graph, 1);
    for (const Layer& layer : graph.layers) {
        if (layer.tensors.empty()) continue;
        const auto refill = [&](const char* part, double low, double high) {
            const auto found = tensors.find(layer.tensors + part);
            if (found == tensors.end()) return;
            found->second.values = uniform_within(found->first, found->second.values.size(), low, high);
        };
        refill(".bias", -0.3, 0.3);
        refill(".running_mean", -0.3, 0.3);
        refill(".running_var", 0.5, 1.5);
        if (layer.kind != LayerKind::batch_norm) continue;
        if (layer.tensors.ends_with(".bn3"))
            refill(".weight", 0.1, 0.4);
        else if (layer.tensors.find(".block.") != std::string::npos)
            refill(".weight", 0.4, 1.2);
        else
            refill(".weight", 0.5, 1.5);
    }
    return tensors;
}

/// [count, size, size, 3], as tests/parity/tail_training.py makes them.
inline std::vector<std::uint8_t> random_images(int count, int size) {
    const CounterRandom random(1, "images");
    std::vector<std::uint8_t> images(static_cast<std::size_t>(count) * static_cast<std::size_t>(size * size * 3));
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(random.uniform(i) * 256);
    return images;
}

}  // namespace thaw
