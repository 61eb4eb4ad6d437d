#include "worker/network/frozen_network.hpp"

#include "common/util/error.hpp"

namespace thaw {

std::int64_t tap_elements(const LayerGraph& graph, const Tap& tap) {
    const Shape& shape = graph.layers[static_cast<std::size_t>(tap.cut - 1)].output;
    return tap.pooled && tap.pooling != Pooling::flatten ? shape.channels : shape.elements();
}

void check_supported(Precision precision) {
    if (!supports(precision))
        throw UserError(
            "precision {}: {} has no such arithmetic on this machine (bf16 wants a CPU with AVX512-BF16 or "
            "AMX); write `precision: fp32`, or leave it out",
            to_string(precision), frozen_back_end());
}

}  // namespace thaw
