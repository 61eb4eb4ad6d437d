// Trials as the exports to other tools see them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "results/query/leaderboard.hpp"
#include "results/store/database.hpp"
#include "results/store/store.hpp"

namespace thaw {

struct ExportedTrial {
    std::string id, state, configuration, message;  // message: why it failed
    AxisValues axes;
    std::string started, finished;                     // "2026-11-23 05:15:24.927000", UTC; empty: not yet
    double started_seconds = 0, finished_seconds = 0;  // the same since 1970; NaN
    double validation_accuracy = 0, seconds = 0;       // NaN where there is none
    std::vector<EpochRecord> epochs;
};

/// Every trial on the latest data, one after the other, those that began first before the others.
void each_trial(const Database& database, const std::function<void(const ExportedTrial&)>& take);

/// The values that trials have on an axis, distinct, numbers by size.
std::vector<Cell> axis_values(const Database& database, std::size_t axis);

/// The latest invocation's name.
std::string sweep_name(const Database& database);

}  // namespace thaw
