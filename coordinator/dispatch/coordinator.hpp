// The coordinator: carries out a plan by sending stages to workers, and writes down what they answer.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/trial/channel.hpp"
#include "common/util/silence.hpp"
#include "coordinator/dispatch/progress.hpp"
#include "coordinator/dispatch/pruner.hpp"
#include "coordinator/dispatch/reactor.hpp"
#include "coordinator/plan/plan.hpp"
#include "results/store/store.hpp"

namespace thaw {

struct CoordinatorOptions {
    std::string cache;  // folder of decoded images and features; without sharing the run's own
    std::chrono::milliseconds patience = usual_patience();  // with a rank that is not heard of
    std::function<void(const std::string& trial, const EpochMetrics&)> on_epoch = {};  // for who watches
    std::vector<std::string> hosts = {};  // by rank, as far as they are known before the ranks say theirs
    std::string reports = {};             // folder where ranks that die leave word; empty: nowhere
    double overdue_seconds = 30;          // no epoch is overdue before
};

/// A rank is dead, or cannot be reached: "rank 3 of 8 (host n2) did not answer in 30 s". The world must end; the same
/// command goes on.
class RankLost : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Runs the plan until every stage has ended or `stop` becomes true. Workers have been stopped when it returns.
/// Every trial of the plan is in the store already. After `stop` trainings finish the epoch they are at, and leave a
/// snapshot. Throws RankLost.
Outcome coordinate(const Plan& plan, const RunInputs& inputs, Channel& channel, Store& store, ProgressDisplay& progress,
                   Pruner& pruner, const std::atomic<bool>& stop, const CoordinatorOptions& options);

/// Tells every worker to stop and waits until all have said goodbye. What still arrives meanwhile goes to `on_message`.
/// Returns the rank that was silent for longer than `patience`, where there is one.
std::optional<int> dismiss_workers(Channel& channel, const Stop& stop, std::chrono::milliseconds patience,
                                   const std::function<void(const Channel::Envelope&)>& on_message = {});

/// What the plan says of a stage, for the results; what became of it is to be added.
StageRecord planned_record(const Plan& plan, int stage, const RunInputs& inputs);

/// Removes the files that the stage wrote, and what lies beside them.
void remove_outputs(const StageSpec& spec);

}  // namespace thaw
