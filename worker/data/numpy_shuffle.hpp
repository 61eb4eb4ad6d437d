// The order in which numpy's RandomState(seed).shuffle leaves a list: Keras splits image folders by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace thaw {

/// After `np.random.RandomState(seed).shuffle(list)` of a list of n elements, place i holds what was at result[i].
std::vector<std::size_t> numpy_shuffled_order(std::size_t n, std::uint32_t seed);

}  // namespace thaw
