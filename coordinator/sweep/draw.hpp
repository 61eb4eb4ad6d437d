// Draws the trials of a random search.
#pragma once

#include <cstddef>
#include <vector>

#include "coordinator/sweep/canonical.hpp"
#include "coordinator/sweep/sweep.hpp"
#include "coordinator/sweep/value_table.hpp"

namespace thaw {

/// As many distinct settled points as the search asks for, in the order of their draws; adds to `excluded` the draws
/// that `exclude` dropped. What draw number n gives on an axis is a function of the search's seed, n and the axis'
/// name: more trials, or another axis, leave it as it was (but for draws that must be repeated since they are excluded,
/// or equal an earlier one). Throws UserError where there are not as many points.
std::vector<Point> draw_points(const Sweep& sweep, ValueTable& table, Canonical& canonical, std::size_t& excluded);

}  // namespace thaw
