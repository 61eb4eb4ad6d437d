// `thaw status`: how far a run is and how long it has yet to go, also while it runs, from wherever its folder is seen.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/util/table.hpp"
#include "results/query/leaderboard.hpp"
#include "results/store/database.hpp"
#include "results/store/run_outcome.hpp"

namespace thaw {

struct RunningTrial {
    std::string id, what;
    int rank = 0, epoch = 0, epochs = 0;  // epoch: the last that is done
};

struct RunStatus {
    std::string name, started;          // of the latest invocation; UTC
    std::optional<std::string> writer;  // who writes now
    std::optional<RunOutcome> outcome;  // of the latest invocation
    std::string message;                // the error that ended it
    int invocations = 0;
    double wall_seconds = 0, busy_seconds = 0;  // of all invocations
    Leaderboard counts;                         // of trials by state; no rows
    std::vector<RunningTrial> running;          // none where nobody writes
    double elapsed_seconds = 0;                 // since the first stage began, where somebody writes
    std::optional<double> predicted_seconds, seconds_left;
    double slowness = 1;     // measured seconds of stages that ended over predicted ones
    bool by_trials = false;  // the plan's time is over: what is left is told by the trials that have ended
    /// running, done, another outcome's word, or nothing: no sweep was ever begun.
    const char* state() const;
};

RunStatus load_status(const std::filesystem::path& database);

/// One row a run folder in `runs`, the latest first; a folder whose results cannot be read says why.
Table list_runs(const std::filesystem::path& runs);

std::string status_text(const RunStatus& status);
std::string status_json(const RunStatus& status);

}  // namespace thaw
