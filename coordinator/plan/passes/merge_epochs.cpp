#include <fmt/format.h>

#include <algorithm>

#include "coordinator/plan/passes.hpp"

namespace thaw {
namespace {

template <typename Number>
void append_bits(std::string& key, Number number) {
    key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

/// All of a trial but its epochs, exactly: there may be a million trials, so numbers go in as their bits. No
/// hyper-parameter of a step depends on how many epochs there are in all; where one does (a cosine that ends with its
/// trial), expand has made that number part of the trial itself.
void trajectory_key(const Trial& trial, const Inputs& inputs, std::string& key) {
    kSharePrefix.key(trial, inputs, key);
    for (const int number : {trial.frozen_layers, trial.cut, trial.batch_size, static_cast<int>(trial.head.pooling),
                             static_cast<int>(trial.head.widths.size()), static_cast<int>(trial.optimizer.kind),
                             static_cast<int>(trial.optimizer.nesterov)})
        append_bits(key, number);
    for (const int width : trial.head.widths) append_bits(key, width);
    for (const double rate : trial.dropout) append_bits(key, rate);
    const Optimizer& optimizer = trial.optimizer;
    for (const double number :
         {trial.learning_rate, optimizer.momentum, optimizer.beta1, optimizer.beta2, optimizer.rho, optimizer.epsilon})
        append_bits(key, number);
    append_bits(key, trial.seed);
    key += later_settings(trial);
}

PassReport merged_epochs_report(const Plan& plan, int asked) {
    std::int64_t epochs = 0, before = 0;
    for (const PlannedTrajectory& trajectory : plan.trajectories) epochs += trajectory.to_epoch;
    for (const Trial& trial : plan.trials) before += trial.epochs;
    PassReport report{"merge_epochs", "", {}};
    report.text =
        fmt::format("{} trainings saved, {} of {} epochs: trials that differ only in epochs are one trajectory",
                    asked - static_cast<int>(plan.trajectories.size()), before - epochs, before);
    return report;
}

}  // namespace

const SharingPass kMergeEpochs = {"merge_epochs", StageKind::train, trajectory_key, merged_epochs_report};

}  // namespace thaw
