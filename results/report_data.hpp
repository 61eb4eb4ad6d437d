// What a report shows, read from the database in one consistent view of it.
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/table.hpp"
#include "results/leaderboard.hpp"
#include "results/store.hpp"

namespace thaw {

/// A trial in a list of those that did not finish.
struct NamedTrial {
    std::string id;
    AxisValues axes;
    double validation_accuracy = std::nan("");  // after its last epoch, where that is of interest
};

/// Trials that stand as failed with the same message.
struct FailureGroup {
    std::string message, last;  // when the last one of them failed
    std::vector<NamedTrial> trials;
};

/// Trials that the search's rule stopped after the same epoch, the best first.
struct StoppedGroup {
    int epoch = 0;
    std::vector<NamedTrial> trials;
};

/// The time of an invocation's stages, from the first one's start to the last one's end.
struct RunTotal {
    std::string started;
    bool ended = false;  // all its trials came to an end
    double predicted_seconds = 0, seconds = 0;
};

/// All stages of one kind together.
struct StageTotal {
    std::string kind;
    int stages = 0, reused = 0, failed = 0, trials = 0;
    double predicted_seconds = 0, seconds = 0, predicted_bytes = 0, bytes = 0;  // of those neither reused nor failed
    std::int64_t computed = 0;                                                  // images
};

struct ReportData {
    SweepRecord sweep;                  // the latest invocation
    std::string started, outcome;       // outcome is empty where it runs or was killed
    std::optional<std::string> writer;  // the process that writes this database now
    std::string made;                   // when this report was made
    Leaderboard leaderboard;
    std::vector<std::vector<EpochRecord>> curves;  // of the best trials, the best first
    Table backbones, axis_effects;                 // the views of these names
    std::vector<StoppedGroup> stopped;             // the latest epoch first
    std::vector<FailureGroup> failures;            // the most frequent first
    std::vector<RunTotal> run_totals;              // of invocations that have both figures, the latest first
    std::vector<StageTotal> stage_totals;
    std::vector<StageRecord> longest_stages;
};

/// Throws UserError where the database cannot be read.
ReportData load_report(const std::filesystem::path& database);

}  // namespace thaw
