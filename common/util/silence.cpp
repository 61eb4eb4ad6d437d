#include "common/util/silence.hpp"

#include <algorithm>
#include <cstdlib>

namespace thaw {

std::optional<int> Silence::look(Time now) {
    const auto away = now - last_look_;
    last_look_ = now;
    if (away > patience_ / 4)
        for (Time& heard : heard_) heard += away;
    const auto longest = std::min_element(heard_.begin(), heard_.end());
    if (longest == heard_.end() || now - *longest <= patience_) return std::nullopt;
    return static_cast<int>(longest - heard_.begin());
}

std::chrono::milliseconds usual_patience() {
    constexpr double kUsual = 30, kLeast = 0.1;  // s
    const char* wanted = std::getenv("THAW_PATIENCE");
    const double seconds = wanted ? std::atof(wanted) : 0;
    return std::chrono::milliseconds(static_cast<long>(1000 * (seconds >= kLeast ? seconds : kUsual)));
}

}  // namespace thaw
