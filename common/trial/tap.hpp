// One output of a frozen pass.
#pragma once

#include <compare>

#include "common/trial/trial.hpp"

namespace thaw {

/// The output of layer cut-1, pooled to a vector for heads or as it stands, [c, h, w], for tails.
struct Tap {
    int cut = 0;  // number of layers before it
    bool pooled = false;
    Pooling pooling = Pooling::average;
    auto operator<=>(const Tap&) const = default;
};

}  // namespace thaw
