// Expands a sweep into its distinct trials.
#pragma once

#include <cstddef>
#include <vector>

#include "common/trial/trial.hpp"
#include "coordinator/sweep/canonical.hpp"
#include "coordinator/sweep/sweep.hpp"

namespace thaw {

struct Expansion {
    /// Distinct, without ids. Of a random search in the order of its draws; of the grid in order of the axes as the
    /// file lists them, the last axis fastest; on each axis in order of its values, those that only a `when` gives
    /// coming after the axis' own.
    std::vector<Trial> trials;
    std::size_t excluded = 0;  // points (of a random search: draws) that `exclude` dropped
    std::size_t merged = 0;    // points that were the same trial as another (equal values, two spellings of one freeze
                               // depth, dropout rates of a head without hidden layers, precisions where nothing
                               // is frozen)
};

/// More trials than this need `force`.
inline constexpr std::size_t kManyTrials = 1'000'000;

/// Throws UserError, with the place in the file, for rules about values that no trial has, a freeze that a backbone
/// does not have, dropout rates that do not fit the head, a sweep without trials or with too many.
Expansion expand(const Sweep& sweep, const DepthResolver& resolve, bool force = false);

}  // namespace thaw
