// Which stage runs next on which rank: a pure state machine, (state, event) -> actions. No clock, no I/O, no threads.
#pragma once

#include <cstddef>
#include <functional>
#include <queue>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace thaw {

/// What the scheduler has to know about a stage.
struct StageNode {
    std::vector<int> needs;   // stages that must be done before; they have smaller numbers
    double seconds = 0;       // predicted
    bool whole_rank = false;  // uses every thread of its rank; otherwise one
    bool gated = false;       // waits, besides its needs, for open() or skip()
    bool unlikely = false;    // simulate() skips it
};

struct Action {
    enum Kind {
        start,    // run `stage` on `rank`
        cancel,   // `stage` cannot run: something that it needs has failed
        release,  // `stage` and every stage that reads its output have ended
    } kind;
    int stage;
    int rank = -1;
    bool operator==(const Action&) const = default;
};
using Actions = std::vector<Action>;

/// Ready stages go out in the order of the longest predicted path to the end of the plan that begins with them, ties by
/// number: work that much else waits for, and long work, goes first. Each costs O(log n).
class Scheduler {
  public:
    explicit Scheduler(const std::vector<StageNode>& stages);

    /// A rank with this many threads is there and idle.
    Actions rank_joined(int rank, int threads);
    Actions stage_done(int stage);
    Actions stage_failed(int stage);
    /// A gated stage may run as soon as its needs are done. No effect on one that is open or has ended (was cancelled).
    Actions open(int stage);
    /// A gated stage is not wanted: it and all that hangs on it end without having run, and without failure (they are
    /// not among the actions; what becomes free by it is). No effect on one that has ended.
    Actions skip(int stage);
    /// Nothing is started any more; what runs may end.
    void stop() { stopped_ = true; }

    int running() const { return running_; }
    /// No stage is left that could run or runs.
    bool finished() const { return ended_ == static_cast<int>(nodes_.size()); }

  private:
    /// For each stage a list of others; two arrays, so that a million short lists take little memory.
    struct Links {
        std::vector<std::size_t> begin;  // one a stage, and the end of the last
        std::vector<int> stages;
        std::span<const int> of(int stage) const {
            const auto at = static_cast<std::size_t>(stage);
            return {stages.data() + begin[at], begin[at + 1] - begin[at]};
        }
    };
    struct Node {
        double path = 0;          // seconds of the longest path that begins here
        int missing = 0;          // needs that are not done
        int waiting_readers = 0;  // dependents that have not ended
        int rank = -1;
        bool whole_rank = false, gated = false, ended = false;
    };
    struct Rank {
        int threads = 0, free = 0;
    };

    Node& node(int stage) { return nodes_[static_cast<std::size_t>(stage)]; }
    void link(const std::vector<StageNode>& stages);
    void end(int stage, Actions& actions);
    /// Ends all that hangs on the stage, however indirectly; returns what ended.
    std::vector<int> end_dependents(int stage, Actions& actions);
    void ready_if_it_can(int stage);
    void free_threads(int stage);
    void set_free(int rank, int free);
    void dispatch(Actions& actions);

    using Ready = std::pair<double, int>;  // (-path, stage)

    std::vector<Node> nodes_;
    Links needs_, dependents_;
    std::vector<Rank> ranks_;
    std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready_;
    std::set<std::pair<int, int>> free_;  // (-free threads, rank), of ranks with any
    int running_ = 0, ended_ = 0;
    bool stopped_ = false;
};

/// Seconds from start to end if every stage takes as long as predicted, none fails and every gate is opened but those
/// of unlikely ones: what the scheduler itself makes of the stages on `ranks` ranks of `threads` threads, against a
/// clock that does not tick.
double simulate(const std::vector<StageNode>& stages, int ranks, int threads);

}  // namespace thaw
