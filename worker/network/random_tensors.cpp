#include "worker/network/random_tensors.hpp"

#include <cmath>

#include "common/util/random.hpp"

namespace thaw {
namespace {

HostTensor filled(std::int64_t size, float value) {
    return {{size}, std::vector<float>(static_cast<std::size_t>(size), value)};
}

HostTensor he_uniform(const std::vector<std::int64_t>& shape, std::uint64_t seed, const std::string& name) {
    std::int64_t fan_in = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) fan_in *= shape[i];
    const double limit = std::sqrt(6.0 / static_cast<double>(fan_in));
    const CounterRandom random(seed, name);
    HostTensor tensor{shape, std::vector<float>(static_cast<std::size_t>(fan_in * shape[0]))};
    for (std::size_t i = 0; i < tensor.values.size(); ++i)
        tensor.values[i] = static_cast<float>((2 * random.uniform(i) - 1) * limit);
    return tensor;
}

}  // namespace

TensorMap random_tensors(const LayerGraph& graph, std::uint64_t seed) {
    TensorMap tensors;
    for (const Layer& layer : graph.layers) {
        if (layer.tensors.empty()) continue;
        const std::string& name = layer.tensors;
        const Shape& in = graph.layers[static_cast<std::size_t>(layer.inputs[0])].output;
        const int out = layer.output.channels;
        if (layer.kind == LayerKind::normalize) {
            tensors[name + ".running_mean"] = filled(out, 0.0F);
            tensors[name + ".running_var"] = filled(out, 1.0F);
            continue;
        }
        if (layer.kind == LayerKind::batch_norm) {
            for (const char* part : {".bias", ".running_mean"}) tensors[name + part] = filled(out, 0.0F);
            tensors[name + ".running_var"] = filled(out, 1.0F);
            if (layer.gamma) tensors[name + ".weight"] = filled(out, 1.0F);
            continue;
        }
        std::vector<std::int64_t> shape = {out, in.channels};
        if (layer.kind == LayerKind::conv)
            shape = {out, in.channels / layer.groups, layer.kernel_height, layer.kernel_width};
        tensors[name + ".weight"] = he_uniform(shape, seed, name);
        if (layer.bias) tensors[name + ".bias"] = filled(out, 0.0F);
    }
    return tensors;
}

}  // namespace thaw
