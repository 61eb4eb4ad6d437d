// What a training's history decides about its next epoch: the learning rate, whether there is one, and which epoch so
// far is its result. Pure functions, so that who goes on from a snapshot, every rank of a group, and the coordinator
// all decide alike.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/trial/epoch_metrics.hpp"
#include "common/trial/trial.hpp"

namespace thaw {

/// Epochs of all phases before the trial's own. What the trial's epoch e draws at random (the images' order, dropout,
/// augmentation) is that of epoch epochs_before(trial) + e: a boundary between phases that change nothing is none.
int epochs_before(const Trial& trial);

/// The rate that the trial trains epoch `epoch` (from 1) with. `history` has all epochs before it (reduce_on_plateau
/// alone asks for them). After a warm-up the schedule begins at its first epoch, as in PyTorch's SequentialLR of a
/// LinearLR and the schedule; step, exponential and cosine are PyTorch's StepLR, ExponentialLR and CosineAnnealingLR
/// (which stays at its floor), reduce_on_plateau is Keras' ReduceLROnPlateau on what comes after the warm-up.
double learning_rate(const Trial& trial, int epoch, const std::vector<EpochMetrics>& history);

/// What becomes of a rate in the epochs after a warm-up: `before` of them are over; `history` has the warm-up's too.
using RateRule = double (*)(const Schedule& schedule, double rate, int before,
                            const std::vector<EpochMetrics>& history);

/// A row a schedule; its words in sweep files and in the schema are derived.
struct ScheduleRow {
    ScheduleKind kind;
    const char* name;
    RateRule rate;
    std::vector<std::string> settings = {};  // of Schedule's, beside warm_up
    bool needs_factor = false;               // which then has no default
    bool ends_with_trial = false;            // where a sweep does not say `over`
};
const std::vector<ScheduleRow>& schedules();
const ScheduleRow& schedule_row(ScheduleKind kind);

/// The schedule with its `over`, where that is the trial's own epochs, without those of the warm-up.
Schedule spread_over(Schedule schedule, int epochs);

/// Whether its rate depends on what is monitored.
bool is_monitoring(const Schedule& schedule);

/// Whether the rule ends the training after the last epoch of its history, as Keras' EarlyStopping does.
bool stops_early(const EarlyStop& rule, const std::vector<EpochMetrics>& history);

/// Whether the trial is trained no further after these epochs: it has had all of its own, or it stops early.
bool has_ended(const Trial& trial, const std::vector<EpochMetrics>& history);

/// The epoch whose metrics and weights are a trial's result if it ends after its history: the last one, or, with
/// restore_best, the first of the best by what is monitored (improvements no greater than min_delta are none). The
/// history must not be empty.
int result_epoch(const EarlyStop& rule, std::span<const EpochMetrics> history);

}  // namespace thaw
