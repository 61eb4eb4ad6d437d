// Expands a sweep into its distinct trials.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/trial.hpp"
#include "coordinator/sweep.hpp"

namespace thaw {

/// What a `freeze:` means on a backbone at an image size; throws UserError where it means nothing.
using FreezeResolver =
    std::function<FreezeDepth(const std::string& backbone, const std::string& freeze, int image_size)>;

struct Expansion {
    /// Distinct, without ids. In order of the axes as the file lists them, the last axis fastest; on each axis in order
    /// of its values, those that only a `when` gives coming after the axis' own.
    std::vector<Trial> trials;
    std::size_t excluded = 0;  // points that `exclude` dropped
    std::size_t merged = 0;    // points that were the same trial as another (equal values, two spellings of one freeze
                               // depth, dropout rates of a head without hidden layers)
};

/// More trials than this need `force`.
inline constexpr std::size_t kManyTrials = 1'000'000;

/// Throws UserError, with the place in the file, for rules about values that no trial has, a freeze that a backbone
/// does not have, dropout rates that do not fit the head, a sweep without trials or with too many.
Expansion expand(const Sweep& sweep, const FreezeResolver& resolve, bool force = false);

}  // namespace thaw
