// The ranking of finished trials as the default query, the end of `thaw run` and the report show it.
#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "results/store/axes.hpp"
#include "results/store/database.hpp"

namespace thaw {

/// The values of axis_columns() in a row, beginning with this column.
AxisValues read_axes(const Statement& row, int first_column);

std::string axis_text(const AxisValues& values, std::size_t axis);
bool has_random_weights(const AxisValues& values);
bool has_bf16(const AxisValues& values);
/// The backbone's name; " (random)" follows where its weights are random, "(FILE)" where they come from a file,
/// "(bf16)" where that is the precision of its frozen layers.
std::string backbone_label(const AxisValues& values);

/// Metrics are NaN where the trial diverged.
struct RankedTrial {
    int rank = 0;
    std::string id;
    AxisValues axes;
    int frozen_layers = 0;
    double validation_accuracy = 0;  // after its result epoch, what ranks it
    double best_validation_accuracy = 0;
    int best_epoch = 0;
    double train_accuracy = 0, validation_loss = 0;
    double seconds = 0;
    double validation_auc = 0, validation_top5_accuracy = 0;  // NaN where the classes have none
};

/// Finished trials that differ only in their seeds and folds. Metrics are means over those whose accuracy is a number.
struct RankedConfiguration {
    int rank = 0;
    AxisValues axes;  // the best trial's, its seed included
    int seeds = 0;
    double validation_accuracy = 0;     // what ranks it
    double sd_validation_accuracy = 0;  // of the sample; NaN for one seed
    double best_validation_accuracy = 0, train_accuracy = 0, validation_loss = 0, seconds = 0;
    double validation_auc = 0, validation_top5_accuracy = 0;  // NaN where the classes have none
    std::string best_trial;
};

struct Leaderboard {
    int finished = 0, stopped = 0, failed = 0, running = 0, waiting = 0;
    std::optional<AxisValues> any;      // some trial's values; none where there are no trials
    std::vector<std::size_t> varying;   // axes with more than one value among all trials, whatever their state
    std::vector<std::size_t> constant;  // the others, but for what goes without saying
    std::vector<RankedTrial> trials;    // finished ones, the best first

    int total() const { return finished + stopped + failed + running + waiting; }
};

/// The best `top` trials; all of them where that is negative. `condition`: of those that meet this, in SQL.
Leaderboard load_leaderboard(const Database& database, int top = -1, const std::string& condition = "true");

/// Likewise of configurations.
std::vector<RankedConfiguration> load_configurations(const Database& database, int top = -1,
                                                     const std::string& condition = "true");

/// The axes on which the trials on the same data as the latest invocation differ, whatever their state.
std::vector<std::size_t> varying_axes(const Database& database);

/// The finished trials' values of `freeze`, from the fewest frozen layers (on average) to the most.
std::vector<std::string> freezes_by_depth(const Leaderboard& leaderboard);

/// The values on these axes: "mobilenet_v2, freeze all, learning rate 0.001".
std::string describe(const AxisValues& values, const std::vector<std::size_t>& axes);

/// "128 trials: 117 finished, 3 stopped early, 2 failed, 6 waiting".
std::string progress_text(const Leaderboard& leaderboard);

/// "0.9012 ± 0.0031", or the mean alone where there is no deviation.
std::string mean_text(double mean, double sd);

/// Whether what is to be ranked are configurations: where finished trials differ in their seeds alone, and the
/// condition is not about single trials.
bool ranks_configurations(const Database& database, const std::string& condition = "true");

/// For people: progress, what all trials have in common, then the best ones with what they do not: configurations or
/// trials; `arrange` may sort their table, or leave some of it out.
std::string leaderboard_text(const Database& database, int top, const std::string& condition = "true",
                             TableFormat format = TableFormat::text, const std::function<Table(Table)>& arrange = {});

}  // namespace thaw
