// What a report shows, read from the database in one consistent view of it.
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "results/query/leaderboard.hpp"
#include "results/report/analysis_images.hpp"
#include "results/store/store.hpp"

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
    RunOutcome outcome = RunOutcome::ok;
    double predicted_seconds = 0, seconds = 0;
};

/// All stages of one kind together.
struct StageTotal {
    std::string kind;
    int stages = 0, reused = 0, failed = 0, trials = 0;
    double predicted_seconds = 0, seconds = 0, predicted_bytes = 0, bytes = 0;  // of those neither reused nor failed
    double seconds_for_each = 0;  // had every trial done for itself what a stage did for several
    std::int64_t computed = 0;    // images
};

/// A trial's epochs.
struct TrialCurve {
    std::size_t trial = 0;  // place in the leaderboard
    std::vector<EpochRecord> epochs;
};

/// What a backbone costs, whatever is put on top of it.
struct BackboneCost {
    std::int64_t parameters = 0;  // of its base; 0 where this thaw does not know the network
    double flops = 0;             // of its base and one image
    int layers = 0;               // of its base
    double frozen_seconds = 0;    // measured, for one image through the layers that are frozen; 0: never computed here
};

struct ReportData {
    SweepRecord sweep;  // the latest invocation
    std::string started;
    std::optional<RunOutcome> outcome;
    std::string message;  // the error that ended it
    int invocations = 0;
    double wall_seconds = 0, busy_seconds = 0;  // of all invocations
    std::optional<std::string> writer;          // the process that writes this database now
    std::string made;                           // when this report was made
    Leaderboard leaderboard;
    Analysis analysis;
    ImagePredictions validation, test;          // of the trials that the report compares image by image
    std::vector<TrialCurve> curves;             // of the best configurations, the winner's first
    std::map<std::string, BackboneCost> costs;  // by label, a level of the backbone's axis
    double decode_seconds = 0;                  // measured, once for all trials
    std::vector<StoppedGroup> stopped;          // the latest epoch first
    std::vector<FailureGroup> failures;         // the most frequent first
    std::vector<RunTotal> run_totals;           // of invocations that have both figures, the latest first
    std::vector<StageTotal> stage_totals;
    std::vector<StageRecord> longest_stages;

    const Configuration* winner() const {
        return analysis.configurations.empty() ? nullptr : &analysis.configurations.front();
    }
    const RankedTrial& first_trial(const Configuration& configuration) const {
        return leaderboard.trials[configuration.trials.front()];
    }
    /// The winner's trial that stands for it where one trial is asked for: that of the test images, else the best.
    const RankedTrial& winning_trial() const;
};

/// Throws UserError where the database cannot be read.
ReportData load_report(const std::filesystem::path& database);

}  // namespace thaw
