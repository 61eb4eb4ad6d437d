// The largest single allocation of the program since it was last asked: shows that claims are checked before memory is
// taken.
#pragma once

#include <cstddef>

namespace thaw {

/// Returns it and begins anew from 0.
std::size_t take_largest_allocation();

}  // namespace thaw
