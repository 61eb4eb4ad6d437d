// The order in which Keras lists the layers of a model.
#pragma once

#include "common/backbones/layer_graph.hpp"

namespace thaw {

/// Puts the layers into the order of Keras' model.layers: those farthest from the output first, and of equals those
/// that a depth-first walk from the output meets first. What is one layer in Keras stays together.
void order_as_keras(LayerGraph& graph);

}  // namespace thaw
