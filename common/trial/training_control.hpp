// What changes or ends a training on its way: the learning rate's schedule and early stopping.
#pragma once

#include <array>
#include <span>
#include <string>

#include "common/util/names.hpp"
#include "common/util/settings.hpp"

namespace thaw {

/// What is watched at the end of every epoch.
enum class Monitor { validation_loss, validation_accuracy, train_loss, train_accuracy };

enum class ScheduleKind { constant, step, exponential, cosine, reduce_on_plateau };

/// What becomes of the trial's learning rate from epoch to epoch; within an epoch it stays. Epochs count from 1.
struct Schedule {
    ScheduleKind kind = ScheduleKind::constant;
    double factor = 0.1;  // step: after every `every` epochs; exponential: after each; reduce_on_plateau: each time
    int every = 10;       // step: epochs
    int over = 0;         // cosine: epochs from the full rate down to `floor`; 0 in a sweep: the trial's own number
    double floor = 0;     // cosine, reduce_on_plateau: the rate never gets below
    int warm_up = 0;      // epochs that rise linearly to the full rate: epoch e of them has e / (warm_up + 1) of it
    Monitor monitor = Monitor::validation_loss;  // this and the rest: reduce_on_plateau, as Keras' ReduceLROnPlateau
    int patience = 10;
    double min_delta = 1e-4;
    int cooldown = 0;
    bool operator==(const Schedule&) const = default;
};

/// Keras' EarlyStopping.
struct EarlyStop {
    int patience = -1;  // epochs without improvement after which a training ends; -1: it never does
    Monitor monitor = Monitor::validation_loss;
    double min_delta = 0;       // what is no greater is no improvement
    bool restore_best = false;  // the trial's result is that of its best epoch, not of its last
    bool none() const { return patience < 0; }
    bool operator==(const EarlyStop&) const = default;
};

const NameTable<Monitor>& names_of(Monitor);
const NameTable<ScheduleKind>& names_of(ScheduleKind);  // of the table of schedules in epoch_rules.cpp

inline constexpr int kMostEpochs = 100'000;

/// In the order of names for people.
inline constexpr auto kScheduleSettings = std::to_array<SettingRow<Schedule>>({
    {"kind", kWords<&Schedule::kind>},
    {"factor", &Schedule::factor, {0, false, 1, false}},
    {"every", &Schedule::every, {1, true, kMostEpochs, true}},
    {"over", &Schedule::over, {1, true, kMostEpochs, true}},
    {"floor", &Schedule::floor, {0, true, 10, true}},
    {"warm_up", &Schedule::warm_up, {0, true, kMostEpochs, true}},
    {"monitor", kWords<&Schedule::monitor>},
    {"patience", &Schedule::patience, {0, true, kMostEpochs, true}},
    {"min_delta", &Schedule::min_delta, {0, true, 1e6, true}},
    {"cooldown", &Schedule::cooldown, {0, true, kMostEpochs, true}},
});
inline constexpr auto kEarlyStopSettings = std::to_array<SettingRow<EarlyStop>>({
    {"monitor", kWords<&EarlyStop::monitor>},
    {"patience", &EarlyStop::patience, {0, true, kMostEpochs, true}},
    {"min_delta", &EarlyStop::min_delta, {0, true, 1e6, true}},
    {"restore_best", &EarlyStop::restore_best},
});

inline std::span<const SettingRow<Schedule>> setting_rows(const Schedule&) {
    return kScheduleSettings;
}
inline std::span<const SettingRow<EarlyStop>> setting_rows(const EarlyStop&) {
    return kEarlyStopSettings;
}

/// "constant", or the kind with what differs from the defaults: "step(every=3)".
std::string schedule_name(const Schedule& schedule);
/// "none", or "validation_loss patience=3" with what differs from the defaults.
std::string early_stop_name(const EarlyStop& stop);

}  // namespace thaw
