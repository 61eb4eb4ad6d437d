// The coordinator: carries out a plan by sending stages to workers, and writes down what they answer.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "common/channel.hpp"
#include "coordinator/early_stopping.hpp"
#include "coordinator/plan.hpp"
#include "coordinator/progress.hpp"
#include "results/store.hpp"

namespace thaw {

struct CoordinatorOptions {
    std::string cache;                  // folder of decoded images and features; without sharing the run's own
    std::chrono::seconds patience{60};  // for the first word of every worker, and for the last
    EarlyStopping* stopping = nullptr;  // none: no trial is stopped early
};

struct Outcome {
    int finished = 0, failed = 0;  // trials
    bool interrupted = false;
    double seconds = 0;       // from the first stage's start to the last one's end
    std::string input_error;  // what stopped the sweep because the input is wrong; empty: nothing did
};

/// Runs the plan until every stage has ended or `stop` becomes true. Workers have been stopped when it returns.
/// Every trial of the plan is in the store already. Throws StageError where a worker does not say hello in time.
Outcome coordinate(const Plan& plan, const Inputs& inputs, Channel& channel, Store& store, ProgressDisplay& progress,
                   const std::atomic<bool>& stop, const CoordinatorOptions& options);

/// Tells every worker to stop and waits, so long at most, until all have said goodbye. What still arrives meanwhile
/// goes to `on_message`.
void dismiss_workers(Channel& channel, std::chrono::seconds patience,
                     const std::function<void(const Channel::Envelope&)>& on_message = {});

}  // namespace thaw
