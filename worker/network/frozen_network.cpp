#include "worker/network/frozen_network.hpp"

namespace thaw {

std::int64_t tap_elements(const LayerGraph& graph, const Tap& tap) {
    const Shape& shape = graph.layers[static_cast<std::size_t>(tap.cut - 1)].output;
    return tap.pooled && tap.pooling != Pooling::flatten ? shape.channels : shape.elements();
}

}  // namespace thaw
