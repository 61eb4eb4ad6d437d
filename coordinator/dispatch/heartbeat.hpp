// The coordinator's signs of life: workers that hear nothing of it for long end themselves.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "common/trial/channel.hpp"
#include "common/util/silence.hpp"

namespace thaw {

/// Sends every worker a sign of life now and then, from its beginning to its end, whatever the coordinator does: also
/// while it checks a sweep, measures the machine or writes a report.
class Heartbeat {
  public:
    Heartbeat(Channel& channel, std::chrono::milliseconds patience)
        : thread_([&channel, beat = Silence::beat(patience)](const std::stop_token& stop) {
              std::mutex mutex;
              std::condition_variable_any ended;
              for (std::unique_lock lock(mutex); !stop.stop_requested();
                   ended.wait_for(lock, stop, beat, [] { return false; }))
                  for (int rank = 0; rank < channel.size(); ++rank) channel.send(rank, Alive{});
          }) {}

  private:
    std::jthread thread_;
};

}  // namespace thaw
