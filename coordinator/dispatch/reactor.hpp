// What the coordinator does about each message: a pure state machine, (state, event) -> what is to be written down and
// done. No clock, no channel, no database, no threads: who drives it says what time it is and carries out its answers.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "common/trial/message.hpp"
#include "common/util/error.hpp"
#include "coordinator/dispatch/gates.hpp"
#include "coordinator/dispatch/pruner.hpp"
#include "coordinator/plan/plan.hpp"
#include "coordinator/plan/scheduler.hpp"

namespace thaw {

// For the store. Trials and stages are indices into the plan's.
struct RecordStage {
    int rank = 0;
    StageDone done;          // of a stage that failed only which it is
    std::string error = {};  // empty: it succeeded
};
struct RecordBadImages {
    int images = 0;
};
struct StartTrial {
    int trial = 0, rank = 0;
};
struct RecordEpoch {
    int trial = 0;
    EpochMetrics metrics;
};
struct PauseTrial {
    int trial = 0;
};
struct FinishTrial {
    int trial = 0, result_epoch = 0;
    double validation_accuracy = 0;  // after its last epoch
};
struct StopTrial {
    int trial = 0;
};
struct FailTrial {
    int trial = 0;
    std::string message;
};
struct MarkOverdue {
    std::vector<int> trials;
    bool overdue = true;
};
using Write = std::variant<RecordStage, RecordBadImages, StartTrial, RecordEpoch, PauseTrial, FinishTrial, StopTrial,
                           FailTrial, MarkOverdue>;

// For workers and files.
struct StartStage {
    int stage = 0;
    std::vector<int> ranks;   // ascending; the first leads
    std::vector<int> trials;  // train only: those that have no result yet
};
struct RemoveOutputs {
    int stage = 0;
};
struct RemoveFile {
    std::string path;
};
using Order = std::variant<StartStage, RemoveOutputs, RemoveFile>;

/// The orders are for when all writes are in the store: should the world die, that knows what was under way.
struct Reaction {
    std::vector<Write> writes;
    std::vector<Order> orders;
};

struct Outcome {
    int finished = 0, failed = 0;  // trials
    bool interrupted = false;
    double seconds = 0;         // from the first stage's start to the last one's end
    std::string input_error;    // what stopped the sweep because the input is wrong; empty: nothing did
    std::string storage_error;  // because there is no room for what a rank writes; empty: nothing did
};

/// Times are seconds since the start. No training's epoch is overdue before `overdue_seconds`.
class Reactor {
  public:
    Reactor(const Plan& plan, Pruner& pruner, double overdue_seconds);

    /// What results of earlier runs have decided; to be asked before the first message.
    Reaction begin();
    Reaction on(int rank, const Message& message, double now);
    /// Should the world die, the store has to know already who has had a fair chance to do an epoch.
    Reaction look_for_overdue(double now);
    /// Nothing begins or fails any more: of what is still under way only epochs count.
    void stop() { stopped_ = true; }

    /// Nothing is left to do, or nothing more may be done.
    bool over() const;
    const Outcome& outcome() const { return outcome_; }

  private:
    std::vector<bool>::reference has_ended(int index) { return ended_trials_[static_cast<std::size_t>(index)]; }
    const std::vector<int>& trials_of(int stage, int trajectory) const;
    std::vector<int> in_flight(int stage);
    double chance_seconds(const PlannedStage& stage) const;

    template <typename Other>
    void react(int, const Other&) {
        THAW_CHECK(false, "a worker sent an order, or left while the sweep runs");
    }
    void react(int rank, const Hello& hello);
    void react(int, const Alive&) {}
    void react(int, const Progress&) {}
    void react(int, const EpochDone& done);
    void react(int, const TrajectoryFailed& failed);
    void react(int rank, const StageDone& done);
    void react(int rank, const StageFailed& failed);

    void shows_life(int stage);
    bool ends_with(int trial, const EpochMetrics& metrics);
    void finish(int trial, double validation_accuracy);
    void fail_trials(const std::vector<int>& trials, const std::string& message);
    void fail_later_phases(int stage, const std::vector<int>& failed, const std::string& message);
    void carry_out_decisions();
    void act(const Actions& actions, const std::string& failure = {});
    void start(int stage, int rank);
    void stage_ended(int stage);

    /// A training that runs.
    struct Flight {
        double since = 0;           // its start, or the last epoch
        double chance_seconds = 0;  // until the next is overdue
        bool overdue = false;
    };

    const Plan& plan_;
    Pruner& pruner_;
    double overdue_seconds_;
    Scheduler scheduler_;
    std::vector<bool> ended_trials_;
    std::unordered_map<int, std::vector<EpochMetrics>> histories_;  // of trials that may stop early, until they end
    std::unordered_map<std::string, int> index_of_;                 // with a pruner that judges: trials by id
    Gates gates_;
    std::size_t carried_out_ = 0;           // of the decisions
    std::multimap<int, int> later_phases_;  // by stage, those that go on from what it trains
    std::map<int, Flight> flights_;         // by stage
    double now_ = 0;
    std::optional<double> first_start_;
    bool stopped_ = false;
    Outcome outcome_;
    Reaction reaction_;  // to the event that is being looked at
};

}  // namespace thaw
