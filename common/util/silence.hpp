// Who of the others in the world has not been heard of for too long.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

namespace thaw {

/// Everybody sends a sign of life several times while it is waited for; who is silent for longer than `patience` is
/// taken for dead. Time in which the listener itself did not run (stopped by a terminal, or swapped out) does not
/// count: it heard nobody then. No clock of its own.
class Silence {
  public:
    using Time = std::chrono::steady_clock::time_point;

    Silence(int parties, std::chrono::milliseconds patience, Time now)
        : patience_(patience), last_look_(now), heard_(static_cast<std::size_t>(parties), now) {}

    void heard(int party, Time now) { heard_[static_cast<std::size_t>(party)] = now; }

    /// To be called often: the one that has been silent for longest, where that is too long.
    std::optional<int> look(Time now);

    std::chrono::milliseconds patience() const { return patience_; }
    /// How often a sign of life is due.
    static std::chrono::milliseconds beat(std::chrono::milliseconds patience) { return patience / 6; }

  private:
    std::chrono::milliseconds patience_;
    Time last_look_;
    std::vector<Time> heard_;
};

/// 30 s, or what THAW_PATIENCE says (seconds, such as 2.5).
std::chrono::milliseconds usual_patience();

}  // namespace thaw
