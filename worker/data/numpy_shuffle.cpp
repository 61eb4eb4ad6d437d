#include "worker/data/numpy_shuffle.hpp"

#include <bit>
#include <numeric>
#include <random>
#include <utility>

#include "common/util/error.hpp"

namespace thaw {
namespace {

/// numpy's legacy random_interval: uniform in [0, max], by rejection under a mask of ones.
std::uint32_t random_interval(std::mt19937& generator, std::uint32_t max) {
    const std::uint32_t mask = ~std::uint32_t{0} >> std::countl_zero(max);
    for (;;) {
        const auto value = static_cast<std::uint32_t>(generator()) & mask;
        if (value <= max) return value;
    }
}

}  // namespace

std::vector<std::size_t> numpy_shuffled_order(std::size_t n, std::uint32_t seed) {
    THAW_CHECK(n <= 0xffff'ffff, "numpy draws 64 bits for longer lists");
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::mt19937 generator(seed);  // the standard and numpy seed the same recurrence
    for (std::size_t i = n; i-- > 1;)
        std::swap(order[i], order[random_interval(generator, static_cast<std::uint32_t>(i))]);
    return order;
}

}  // namespace thaw
