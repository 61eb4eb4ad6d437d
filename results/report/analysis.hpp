// What finished trials say when they are compared fairly: pure functions of what the database has of them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "results/query/leaderboard.hpp"
#include "results/report/statistics.hpp"
#include "results/store/store.hpp"

namespace thaw {

/// Trials that differ in nothing but the seed and the fold. Metrics are means over those whose accuracy is a number.
struct Configuration {
    std::vector<std::size_t> trials;  // places in Leaderboard::trials, the best first
    int diverged = 0;                 // how many have no accuracy
    Mean accuracy;                    // validation, after the last epoch
    double validation_loss = 0, train_accuracy = 0;
    struct Run {
        Cell seed, fold;
        double accuracy = 0;
    };
    std::vector<Run> runs;                                    // as `trials`
    double seconds = 0;                                       // of one trial's training
    double validation_auc = 0, validation_top5_accuracy = 0;  // NaN where the classes have none
};

/// A value that an axis has, in the order in which people expect them: numbers by size, freezes by depth, heads by the
/// number of their layers.
struct Level {
    std::string label;
    double number = std::nan("");  // where all of the axis are numbers
};

/// How accuracy changes from one level to a later one, all else equal: over pairs of configurations that differ in
/// nothing but this; where these are too few for a test, over pairs of their trials with equal seeds.
struct PairEffect {
    int from = 0, to = 0;  // levels
    PairedTest test;       // accuracy at `to` minus that at `from`
    bool by_seed = false;
};
inline constexpr int kFewestPairs = 3;  // that are worth a test

struct AxisEffect {
    std::size_t axis = 0;
    std::vector<Level> levels;
    std::vector<double> means;  // of all configurations with each level, whatever else they differ in
    std::vector<int> counts;
    std::vector<PairEffect> pairs;  // those that there are; none where the levels are too many for pairs
    int best = -1;                  // ahead of the others on average, all else equal; -1 where there are no pairs
};

/// All configurations with their levels. An axis is one of kAxes. Levels of the backbone tell apart its weights, too,
/// so that networks with a file each can be compared; the weights have no effect of their own then.
struct Analysis {
    std::vector<Configuration> configurations;  // the best mean first, those without one last
    std::array<std::vector<Level>, kAxes.size()> levels;
    std::vector<std::array<int, kAxes.size()>> level_of;  // of each configuration (its first trial's seed)
    std::vector<AxisEffect> effects;                      // of axes that vary, but for the seed; freeze first
    std::vector<std::size_t>
        front;  // configurations that no other one beats in both time and accuracy, the fastest first
    std::vector<std::string> seeds;
};

/// A metric that some classes have and others have not.
struct RankingMetric {
    const char* label;
    double Configuration::*value;
};
/// Those that some configuration has.
std::vector<RankingMetric> ranking_metrics(const Analysis& analysis);

/// Takes about as long as sorting the trials.
Analysis analyze(const Leaderboard& board);

/// More levels than these are drawn at random: no pairs are formed of them.
inline constexpr std::size_t kMostPairedLevels = 12;

/// Of the configurations with one level of another axis alone.
AxisEffect effect_within(const Analysis& analysis, std::size_t axis, std::size_t other_axis, int level);

/// From `from` to `to`, in either direction; nothing where no configurations differ in this alone.
std::optional<PairEffect> effect_between(const AxisEffect& effect, int from, int to);
/// The best configuration of each level that has one.
std::vector<std::size_t> best_by_level(const Analysis& analysis, std::size_t axis);

/// Configurations by the share of their backbone's layers that is frozen, which compares depths of different backbones:
/// from "less than 25 %" to "100 %". `shares` has one number a configuration, 0 to 1; NaN leaves it out.
AxisEffect effect_of_depth(const Analysis& analysis, const std::vector<double>& shares);

/// Validation loss that ends above its minimum by more than its noise explains.
struct Overfitting {
    int epoch = 0;  // of the minimum
    double lowest = 0, last = 0;
    double noise = 0;  // standard deviation of one epoch's loss around a smooth curve
};
/// The noise is estimated from the median second difference, so five epochs are the fewest that tell; a rise counts
/// from three times the noise, and from 1 %.
std::optional<Overfitting> overfitting(const std::vector<EpochRecord>& curve);

}  // namespace thaw
