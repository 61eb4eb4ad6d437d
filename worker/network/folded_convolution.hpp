// A convolution's parameters with the batch-norm behind it folded in, as frozen inference wants them.
#pragma once

#include <string>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

struct FoldedConvolution {
    std::vector<float> weight, bias;
};

/// `norm`: the batch-norm that reads `conv`, or null. A convolution without bias gets one.
FoldedConvolution fold(const Layer& conv, const Layer* norm, const TensorMap& tensors);

/// Weights were checked against the graph: that a tensor is there is no question.
const std::vector<float>& values_of(const TensorMap& tensors, const std::string& name);

}  // namespace thaw
