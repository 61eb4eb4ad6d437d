// Which stage runs next on which rank: a pure state machine, (state, event) -> actions. No clock, no I/O, no threads.
#pragma once

#include <set>
#include <utility>
#include <vector>

namespace thaw {

/// What the scheduler has to know about a stage.
struct StageNode {
    std::vector<int> needs;   // stages that must be done before; they have smaller numbers
    double seconds = 0;       // predicted
    bool whole_rank = false;  // uses every thread of its rank; otherwise one
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
    explicit Scheduler(std::vector<StageNode> stages);

    /// A rank with this many threads is there and idle.
    Actions rank_joined(int rank, int threads);
    Actions stage_done(int stage);
    Actions stage_failed(int stage);
    /// Nothing is started any more; what runs may end.
    void stop() { stopped_ = true; }

    int running() const { return running_; }
    /// No stage is left that could run or runs.
    bool finished() const { return ended_ == static_cast<int>(nodes_.size()); }

  private:
    struct Node {
        StageNode stage;
        std::vector<int> dependents;
        int missing = 0;          // needs that are not done
        int waiting_readers = 0;  // dependents that have not ended
        double path = 0;          // seconds of the longest path that begins here
        int rank = -1;
        bool ended = false;
    };
    struct Rank {
        int threads = 0, free = 0;
    };

    Node& node(int stage) { return nodes_[static_cast<std::size_t>(stage)]; }
    void end(int stage, Actions& actions);
    void cancel_dependents(int stage, Actions& actions);
    void free_threads(int stage);
    void set_free(int rank, int free);
    void dispatch(Actions& actions);

    std::vector<Node> nodes_;
    std::vector<Rank> ranks_;
    std::set<std::pair<double, int>> ready_;  // (-path, stage)
    std::set<std::pair<int, int>> free_;      // (-free threads, rank), of ranks with any
    int running_ = 0, ended_ = 0;
    bool stopped_ = false;
};

}  // namespace thaw
