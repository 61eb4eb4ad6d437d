// How a sweep searches where it does not try everything: which points are drawn, and which trials are stopped early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "coordinator/sweep/source_text.hpp"

namespace thaw {

/// Trials are drawn instead of taken from the grid.
struct RandomSearch {
    std::size_t trials = 0;
    std::uint64_t seed = 1;
    Place place;
};

/// Successive halving, as ASHA does it: of the trials of equal `epochs`, the best 1/reduction_factor go on from each
/// rung. Rungs lie at first_rung * reduction_factor^k epochs.
struct Halving {
    int reduction_factor = 3;
    int first_rung = 1;
};

/// The median stopping rule: at epoch `grace` and `every` epochs after that, a trial goes on where its best accuracy
/// so far is at least the median of the trials' average accuracies up to then.
struct MedianStopping {
    int grace = 1;
    int every = 1;
};

/// None: every trial runs all its epochs.
using StoppingRule = std::variant<std::monostate, Halving, MedianStopping>;

struct Search {
    std::optional<RandomSearch> random;  // none: the grid
    StoppingRule stopping;
};

}  // namespace thaw
