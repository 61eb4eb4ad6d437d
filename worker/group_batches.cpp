#include "worker/group_batches.hpp"

#include <algorithm>

#include "common/util/parallel.hpp"

namespace thaw {
namespace {

/// A member's bytes of one round: enough to hide what a round costs, little enough to hold twice.
constexpr std::size_t kRoundBytes = 16 << 20;

/// A round whose bytes are on their way.
struct Round {
    std::size_t first = 0, end = 0;  // of all members' batches
    std::vector<std::byte> bytes;    // on member 0 everyone's
};

class Rounds {
  public:
    Rounds(Group& group, const GroupBatches& batches, int threads)
        : group_(group),
          batches_(batches),
          threads_(static_cast<std::size_t>(std::max(threads, 1))),
          size_(static_cast<std::size_t>(group.size())),
          each_(threads_ * std::max<std::size_t>(kRoundBytes / std::max<std::size_t>(batches.bytes * threads_, 1), 1)) {
    }

    std::size_t batches_a_round() const { return each_ * size_; }

    void compute(std::size_t first, Round& round) {
        round.first = first;
        round.end = std::min(batches_.count, first + batches_a_round());
        const auto [begin, end] = share(round, group_.rank());
        round.bytes.resize((group_.leads() ? round.end - first : end - begin) * batches_.bytes);
        for_each_index(end - begin, static_cast<int>(threads_), [&, from = begin](std::size_t i) {
            batches_.compute(from + i, round.bytes.data() + i * batches_.bytes);
        });
    }

    void start_gather(Round& round) {
        std::vector<std::size_t> begins = {0};
        for (int member = 0; member < group_.size(); ++member)
            begins.push_back((share(round, member).second - round.first) * batches_.bytes);
        group_.start_gather(round.bytes, begins);
    }

    void keep(const Round& round) {
        for (std::size_t batch = round.first; group_.leads() && batch < round.end; ++batch)
            batches_.keep(batch, round.bytes.data() + (batch - round.first) * batches_.bytes);
    }

  private:
    /// [begin, end) of a member's batches; member 0 has the first, so that its own lie where they are gathered.
    std::pair<std::size_t, std::size_t> share(const Round& round, int member) const {
        const auto [begin, end] = group_.share_of(round.end - round.first, member);
        return {round.first + begin, round.first + end};
    }

    Group& group_;
    const GroupBatches& batches_;
    std::size_t threads_, size_, each_;
};

}  // namespace

bool run_on_all_members(Group& group, const GroupBatches& batches, int threads, const std::stop_token& stop) {
    Rounds rounds(group, batches, threads);
    Round now, travelling;
    for (std::size_t first = 0; first < batches.count; first += rounds.batches_a_round()) {
        if (group.any(stop.stop_requested())) return false;
        rounds.compute(first, now);
        group.finish();  // of the round before
        rounds.keep(travelling);
        std::swap(now, travelling);
        rounds.start_gather(travelling);
    }
    group.finish();
    rounds.keep(travelling);
    return true;
}

void broadcast_numbers(Group& group, std::vector<std::int64_t>& numbers) {
    auto count = static_cast<std::int64_t>(numbers.size());
    group.broadcast(std::as_writable_bytes(std::span(&count, 1)), 0);
    numbers.resize(static_cast<std::size_t>(count));
    group.broadcast(std::as_writable_bytes(std::span(numbers)), 0);
}

}  // namespace thaw
