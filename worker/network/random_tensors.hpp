// Weights for `weights: random`: He uniform, a function of the seed and each tensor's name.
#pragma once

#include <cstdint>

#include "common/backbones/layer_graph.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// Convolutions and dense layers: uniform within sqrt(6 / fan_in), biases 0; batch-norm: the identity.
TensorMap random_tensors(const LayerGraph& graph, std::uint64_t seed);

}  // namespace thaw
