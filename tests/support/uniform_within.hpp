// Data for tests: the same numbers as tests/parity/counter_random.py's within().
#pragma once

#include <string>
#include <vector>

#include "common/util/random.hpp"

namespace thaw {

/// Uniform in [low, high), a function of the purpose and the position alone.
inline std::vector<float> uniform_within(const std::string& purpose, std::size_t count, double low, double high) {
    const CounterRandom random(1, purpose);
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(low + random.uniform(i) * (high - low));
    return values;
}

}  // namespace thaw
