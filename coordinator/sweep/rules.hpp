// Applies the rules of a sweep to its grid.
#pragma once

#include <cstddef>

#include "coordinator/sweep/grid.hpp"
#include "coordinator/sweep/value_table.hpp"

namespace thaw {

/// First every `when`, then every `exclude`; returns how many points were dropped. Throws UserError where rules name
/// values that no trial has, leave nothing, or cut the grid into too many pieces.
std::size_t apply_rules(const Sweep& sweep, ValueTable& table, Grid& grid);

}  // namespace thaw
