// A layer graph for frozen inference whose batch-norms have gone into the convolutions before them.
#pragma once

#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

struct FoldedGraph {
    LayerGraph graph;
    TensorMap tensors;
};

/// The same layers at the same places; a batch-norm that has gone does nothing. One stays where others read its
/// convolution's output, a tap at one of `cuts` among them.
FoldedGraph fold_batch_norms(const LayerGraph& graph, const TensorMap& tensors, const std::vector<int>& cuts);

}  // namespace thaw
