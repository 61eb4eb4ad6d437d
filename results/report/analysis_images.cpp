#include "results/report/analysis_images.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "common/trial/data_options.hpp"
#include "common/util/text.hpp"

namespace thaw {
namespace {

constexpr double kSignificant = 1 - kConfidence;

struct TrialPair {
    const RankedTrial *first, *second;
};

/// Trials with equal seeds and folds.
std::vector<TrialPair> pairs_by_seed(const Leaderboard& board, const Configuration& first,
                                     const Configuration& second) {
    std::vector<TrialPair> pairs;
    for (const std::size_t a : first.trials)
        for (const std::size_t b : second.trials)
            if (board.trials[a].axes[kSeedAxis] == board.trials[b].axes[kSeedAxis] &&
                board.trials[a].axes[kFoldAxis] == board.trials[b].axes[kFoldAxis])
                pairs.push_back({&board.trials[a], &board.trials[b]});
    return pairs;
}

/// The tests over images, where all these trials' predictions are known.
void compare_images(const std::vector<TrialPair>& pairs, const ImagePredictions& validation, Comparison& comparison) {
    const std::vector<ImageRecord>& images = validation.images;
    std::vector<double> differences(images.size());
    std::vector<int> asked(images.size());  // by how many pairs: those of the image's fold
    std::vector<bool> readable(images.size(), true);
    for (const TrialPair& pair : pairs) {
        const auto *first = validation.of(pair.first->id), *second = validation.of(pair.second->id);
        if (!first || !second) return;
        for (std::size_t i = 0; i < images.size(); ++i) {
            if ((*first)[i] == kOfAnotherFold || (*second)[i] == kOfAnotherFold) continue;
            ++asked[i];
            if ((*first)[i] < 0 || (*second)[i] < 0) readable[i] = false;
            const bool right = (*first)[i] == images[i].label, other_right = (*second)[i] == images[i].label;
            if (right != other_right) differences[i] += right ? 1 : -1;
            if (right != other_right && readable[i]) ++(right ? comparison.only_first : comparison.only_second);
        }
    }
    std::vector<double> counted;
    for (std::size_t i = 0; i < images.size(); ++i)
        if (readable[i] && asked[i] > 0) counted.push_back(differences[i] / asked[i]);
    comparison.images = static_cast<int>(counted.size());
    comparison.image_p =
        pairs.size() == 1 ? mcnemar_exact(comparison.only_first, comparison.only_second) : paired_t_test(counted).p;
}

std::string probability(double p) {
    return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.2g}", p);
}

}  // namespace

const std::vector<int>* ImagePredictions::of(const std::string& trial) const {
    const auto found = by_trial.find(trial);
    return found != by_trial.end() && found->second.size() == images.size() ? &found->second : nullptr;
}

Score score_of(const std::vector<ImageRecord>& images, const std::vector<int>& predicted) {
    Score score;
    for (std::size_t i = 0; i < std::min(images.size(), predicted.size()); ++i) {
        score.images += predicted[i] >= 0;
        score.correct += predicted[i] == images[i].label;
    }
    return score;
}

Comparison compare(const Leaderboard& board, const Configuration& first, const Configuration& second,
                   const ImagePredictions& validation) {
    Comparison comparison;
    const std::vector<TrialPair> pairs = pairs_by_seed(board, first, second);
    if (pairs.empty()) return comparison;
    std::vector<double> differences;
    for (const TrialPair& pair : pairs)
        differences.push_back(pair.first->validation_accuracy - pair.second->validation_accuracy);
    comparison.seeds = static_cast<int>(pairs.size());
    comparison.by_seed = paired_t_test(differences);
    comparison.difference = comparison.by_seed.difference.mean;
    if (!std::isfinite(comparison.difference)) return comparison;
    if (!validation.images.empty()) compare_images(pairs, validation, comparison);
    const auto is_chance = [](double p) { return std::isfinite(p) && p >= kSignificant; };
    // Seeds that differ by the same number of images are too few to say how that varies.
    constexpr double kNoDeviation = 1e-9;
    const bool seeds_tell =
        std::isfinite(comparison.by_seed.p) && comparison.by_seed.difference.deviation > kNoDeviation;
    if (!seeds_tell && !std::isfinite(comparison.image_p)) return comparison;
    const bool tie = is_chance(comparison.by_seed.p) || is_chance(comparison.image_p) || comparison.difference <= 0;
    comparison.verdict = tie ? Comparison::Verdict::tie : Comparison::Verdict::better;
    return comparison;
}

std::string points_text(double difference) {
    const double points = std::round(1e9 * difference) / 1e7;
    const std::string text = decimals(std::abs(points), 1);
    return points < 0 && text != "0.0" ? "−" + text : text;
}

std::string verdict_text(const Comparison& comparison) {
    if (!std::isfinite(comparison.difference)) return "not tested";
    return fmt::format("{} points {}, {}", points_text(std::abs(comparison.difference)),
                       comparison.difference < 0 ? "higher" : "lower",
                       comparison.verdict == Comparison::Verdict::better ? "significant"
                       : comparison.verdict == Comparison::Verdict::tie  ? "not significant"
                                                                         : "not tested");
}

std::string comparison_text(const Comparison& comparison) {
    std::vector<std::string> tests;
    if (comparison.seeds == 0) tests.emplace_back("the two share no seed");
    if (comparison.verdict == Comparison::Verdict::unknown && comparison.seeds > 0)
        tests.push_back(fmt::format("{}, and the database has no predictions to pair",
                                    comparison.seeds == 1 ? "one seed" : fmt::format("{} seeds", comparison.seeds)));
    if (comparison.verdict != Comparison::Verdict::unknown && comparison.seeds > 1)
        tests.push_back(
            fmt::format("paired t test over {} seeds: {}", comparison.seeds, probability(comparison.by_seed.p)));
    if (comparison.images > 0 && comparison.seeds > 1)
        tests.push_back(
            fmt::format("paired t test over {} images: {}", comparison.images, probability(comparison.image_p)));
    if (comparison.images > 0 && comparison.seeds == 1)
        tests.push_back(fmt::format("the best alone is right on {}, this one alone on {}; McNemar's exact test: {}",
                                    counted(comparison.only_first, "image"), comparison.only_second,
                                    probability(comparison.image_p)));
    return fmt::format("{} ({})", verdict_text(comparison), fmt::join(tests, "; "));
}

Confusion confusion_of(const std::vector<ImageRecord>& images, const std::vector<int>& predicted) {
    Confusion confusion;
    for (std::size_t i = 0; i < std::min(images.size(), predicted.size()); ++i)
        if (predicted[i] >= 0) ++confusion[{images[i].label, predicted[i]}];
    return confusion;
}

std::vector<ConfusedPair> most_confused(const Confusion& confusion, std::size_t most) {
    std::map<std::pair<int, int>, ConfusedPair> pairs;
    for (const auto& [classes, count] : confusion) {
        const auto [label, predicted] = classes;
        if (label == predicted) continue;
        const bool in_order = label < predicted;
        ConfusedPair& pair = pairs[std::minmax(label, predicted)];
        pair.label = std::min(label, predicted);
        pair.other = std::max(label, predicted);
        (in_order ? pair.as_other : pair.as_label) += count;
    }
    std::vector<ConfusedPair> sorted;
    for (auto& [classes, pair] : pairs) {
        if (pair.as_label > pair.as_other) {
            std::swap(pair.label, pair.other);
            std::swap(pair.as_label, pair.as_other);
        }
        sorted.push_back(pair);
    }
    const auto mistakes = [](const ConfusedPair& pair) { return pair.as_other + pair.as_label; };
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](const ConfusedPair& a, const ConfusedPair& b) { return mistakes(a) > mistakes(b); });
    if (sorted.size() > most) sorted.resize(most);
    return sorted;
}

}  // namespace thaw
