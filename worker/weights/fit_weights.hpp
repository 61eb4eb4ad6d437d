// Whether a weight file's tensors are those a backbone needs.
#pragma once

#include <string>

#include "common/backbones/layer_graph.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// Every layer of the base (not of the classifier on top) must find its tensors in the right shape; others are ignored.
/// Throws UserError with the backbone, the file and the missing and misshapen tensors, five of each.
void check_weights_fit(const LayerGraph& graph, const TensorMap& tensors, const std::string& file);

}  // namespace thaw
