// Batches of independent work, computed by all members of a group and brought to its first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "worker/communicator/group.hpp"

namespace thaw {

struct GroupBatches {
    std::size_t count = 0;
    std::size_t bytes = 0;  // of what one batch gives; the last may leave some of them as they are
    /// Fills a batch's bytes; called by every member for its share, on `threads` threads.
    std::function<void(std::size_t batch, std::byte* out)> compute;
    /// Takes a batch's bytes; called on member 0 alone, on one thread.
    std::function<void(std::size_t batch, const std::byte* bytes)> keep;
};

/// In rounds: while one round's bytes travel, the next is computed. Returns false where a member was asked to stop: all
/// leave after the same round then.
bool run_on_all_members(Group& group, const GroupBatches& batches, int threads, const std::stop_token& stop);

/// Member 0's numbers, on all members.
void broadcast_numbers(Group& group, std::vector<std::int64_t>& numbers);

}  // namespace thaw
