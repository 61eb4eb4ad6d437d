// Which stage runs next on which ranks: a pure state machine, (state, event) -> actions. No clock, no I/O, no threads:
// who drives it says what time it is.
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <unordered_map>
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
    int ranks = 1;            // works on so many at once; with several it is a whole-rank stage
    bool alone = false;       // starts when nothing else runs or can, and nothing starts beside it
};

struct Action {
    enum Kind {
        start,    // run `stage` on `rank`, the first of ranks_of(stage)
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
/// A stage that wants whole ranks and does not find enough idle ones reserves those that are predicted to be idle
/// first. Nothing is started there meanwhile but what is predicted to end before the last of them is idle (EASY
/// backfilling: Lifka, The ANL/IBM SP scheduling system, 1995): ranks wait for a group only where nothing fits.
/// Stages that run alone come last, one after the other.
class Scheduler {
  public:
    explicit Scheduler(const std::vector<StageNode>& stages);

    /// Seconds since the start, of the events that follow.
    void set_time(double seconds) { now_ = seconds; }

    /// A rank with this many threads is there and idle.
    Actions rank_joined(int rank, int threads);
    Actions stage_done(int stage);
    Actions stage_failed(int stage);
    /// A gated stage may run as soon as its needs are done. No effect on one that is open or has ended (was cancelled).
    Actions open(int stage);
    /// A gated stage is not wanted: it and all that hangs on it end without having run, and without failure (they are
    /// not among the actions; what becomes free by it is). No effect on one that has ended.
    Actions skip(int stage);

    /// On which ranks a stage runs, ascending.
    std::vector<int> ranks_of(int stage) const;
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
        double path = 0;  // seconds of the longest path that begins here
        double seconds = 0;
        int missing = 0;          // needs that are not done
        int waiting_readers = 0;  // dependents that have not ended
        int rank = -1;            // the first of them
        int ranks = 1;
        bool whole_rank = false, gated = false, ended = false, alone = false;
    };
    struct Rank {
        int threads = 0, free = 0;
        double busy_until = 0;  // as predicted; 0: it is idle
    };
    /// A rank that waits for a stage, and until when.
    struct Reservation {
        int rank;
        double until;
    };

    Node& node(int stage) { return nodes_[static_cast<std::size_t>(stage)]; }
    const Node& node(int stage) const { return nodes_[static_cast<std::size_t>(stage)]; }
    Rank& rank(int index) { return ranks_[static_cast<std::size_t>(index)]; }
    void link(const std::vector<StageNode>& stages);
    void end(int stage, Actions& actions);
    /// Ends all that hangs on the stage, however indirectly; returns what ended.
    std::vector<int> end_dependents(int stage, Actions& actions);
    void ready_if_it_can(int stage);
    void free_threads(int stage);
    /// Takes a rank out of what dispatch() looks at, or puts it in.
    void hide(int index);
    void show(int index);
    bool is_idle(int index) { return rank(index).free == rank(index).threads; }
    /// So many ranks, those first that will be idle first; none where there are not so many.
    std::vector<int> first_idle(int count) const;
    void start(int stage, std::vector<int> ranks, Actions& actions);
    void dispatch(Actions& actions);
    void fill(const std::vector<Reservation>& reserved, Actions& actions);
    void start_alone(Actions& actions);

    using Ready = std::pair<double, int>;  // (-path, stage)

    std::vector<Node> nodes_;
    Links needs_, dependents_;
    std::vector<Rank> ranks_;
    std::unordered_map<int, std::vector<int>> groups_;  // of running stages that have several ranks
    std::set<Ready> ready_, ready_alone_;
    std::set<std::pair<int, int>> free_;     // (-free threads, rank), of ranks with any
    std::set<std::pair<double, int>> idle_;  // (busy_until, rank)
    double now_ = 0;
    int running_ = 0, ended_ = 0;
    bool one_runs_alone_ = false;
};

/// Seconds from start to end if every stage takes as long as predicted, none fails and every gate is opened but those
/// of unlikely ones: what the scheduler itself makes of the stages on `ranks` ranks of `threads` threads, against a
/// clock that does not tick.
double simulate(const std::vector<StageNode>& stages, int ranks, int threads);

}  // namespace thaw
