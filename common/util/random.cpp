#include "common/util/random.hpp"

#include <algorithm>
#include <utility>

namespace thaw {

std::vector<int> permutation(const CounterRandom& random, int count) {
    std::vector<std::pair<std::uint64_t, int>> keyed(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i)
        keyed[static_cast<std::size_t>(i)] = {random.bits(static_cast<std::uint64_t>(i)), i};
    std::sort(keyed.begin(), keyed.end());
    std::vector<int> order(keyed.size());
    std::transform(keyed.begin(), keyed.end(), order.begin(), [](const auto& pair) { return pair.second; });
    return order;
}

}  // namespace thaw
