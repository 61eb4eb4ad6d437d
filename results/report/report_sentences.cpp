#include "results/report/report_sentences.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/util/text.hpp"

namespace thaw {
namespace {

const Level& level_of(const ReportData& data, std::size_t configuration, std::size_t axis) {
    const int level = data.analysis.level_of[configuration][axis];
    return data.analysis.levels[axis][static_cast<std::size_t>(level)];
}

/// What a configuration is the mean of.
const char* averaged_noun(const ReportData& data) {
    const bool folds = !is_unsaid(kFoldAxis, data.first_trial(*data.winner()).axes[kFoldAxis]);
    return !folds ? "seed" : data.analysis.seeds.size() > 1 ? "trial" : "fold";
}

/// "mean of 3 seeds", or "seed 2" of a single one.
std::string average_text(const ReportData& data, const Configuration& configuration) {
    const int count = configuration.accuracy.count;
    if (count > 1) return "mean of " + counted(count, averaged_noun(data));
    return "seed " + axis_text(data.first_trial(configuration).axes, kSeedAxis);
}

/// How sure the best configuration's validation accuracy is, which selected it.
std::string uncertainty_text(const ReportData& data) {
    const Configuration& best = *data.winner();
    const int images = data.sweep.validation_images;
    const char* noun = averaged_noun(data);
    const std::string accuracy = percent(best.accuracy.mean),
                      of_images = fmt::format("{} over {} (Wilson)",
                                              interval_text(wilson_interval(best.accuracy.mean * images, images)),
                                              counted(images, "image"));
    std::string text = fmt::format("{} validation accuracy with one seed: 95 % CI {}.", accuracy, of_images);
    if (best.accuracy.count > 1)
        text = fmt::format(
            "{} validation accuracy, mean of {}s with a standard deviation of {} points: 95 % CI {} over {}s (t), {}.",
            accuracy, fmt::format("{} {}", best.accuracy.count, noun), points_text(best.accuracy.deviation),
            interval_text(best.accuracy.interval), noun, of_images);
    if (best.diverged > 0) text += fmt::format(" {} more diverged and left out.", counted(best.diverged, noun));
    const std::size_t count = data.analysis.configurations.size();
    if (count > 1)
        text += fmt::format(
            " The validation images selected this configuration among {}, so expect slightly less on new images.",
            count);
    return text;
}

/// Nothing where no finished trial was evaluated on test images.
std::string test_text(const ReportData& data) {
    const auto text = [&](const Score& score, const std::string& of) {
        return fmt::format("{} ({}): {} of {} held-out test images correct, 95 % CI {} (Wilson).",
                           percent(score.accuracy()), of, score.correct, score.images,
                           interval_text(wilson_interval(score.correct, score.images)));
    };
    const RankedTrial& winner = data.winning_trial();
    if (const auto* predicted = data.test.of(winner.id))
        return text(score_of(data.test.images, *predicted), "seed " + axis_text(winner.axes, kSeedAxis));
    for (const RankedTrial& trial : data.leaderboard.trials)
        if (const auto* predicted = data.test.of(trial.id))
            return text(score_of(data.test.images, *predicted),
                        fmt::format("not of the best trial but of {}: {}", trial.id,
                                    describe(trial.axes, data.leaderboard.varying)));
    return "";
}

std::string runner_up_text(const ReportData& data) {
    const Configuration& second = data.analysis.configurations[1];
    const Comparison comparison = compare(data.leaderboard, *data.winner(), second, data.validation);
    return fmt::format("{} reaches {} validation accuracy: {}.", configuration_text(data, second),
                       percent(second.accuracy.mean), comparison_text(comparison));
}

std::string training_text(const ReportData& data, const BackboneCost& cost) {
    const Configuration& best = *data.winner();
    std::string text = fmt::format("{} of training per trial ({})", short_time(best.seconds), average_text(data, best));
    const int images = data.sweep.train_images + data.sweep.validation_images;
    if (cost.frozen_seconds > 0 && data.first_trial(best).frozen_layers > 0)
        text +=
            fmt::format(", plus {} for one pass of {} through the frozen layers, shared by all trials of this backbone",
                        short_time(cost.frozen_seconds * images), counted(images, "image"));
    return text + ".";
}

std::string inference_text(const ReportData& data, const BackboneCost& cost) {
    const std::string freeze = axis_text(data.first_trial(*data.winner()).axes, kFreezeAxis);
    std::vector<std::string> parts;
    if (cost.frozen_seconds > 0 && freeze != "none")
        parts.push_back(fmt::format("{} per image through the frozen layers on this machine (without {})",
                                    short_time(cost.frozen_seconds),
                                    freeze == "all" ? "the head" : "the trained layers and the head"));
    if (cost.parameters > 0)
        parts.push_back(fmt::format("the base has {} parameters ({} in float32) and takes {:.2g} GFLOPs per image",
                                    thousands(cost.parameters), human_bytes(4.0 * static_cast<double>(cost.parameters)),
                                    cost.flops / 1e9));
    return parts.empty() ? "" : fmt::format("{}.", fmt::join(parts, "; "));
}

/// As a shell reads it.
std::string shell_quoted(const std::string& word) {
    const std::string plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

}  // namespace

std::string interval_text(Interval interval) {
    if (!std::isfinite(interval.low)) return "unknown";
    return fmt::format("{:.1f} to {:.1f} %", 100 * std::max(0.0, interval.low), 100 * std::min(1.0, interval.high));
}

std::string short_time(double seconds) {
    if (!std::isfinite(seconds) || seconds >= 1 || seconds == 0) return human_seconds(seconds);
    return seconds >= 1e-3 ? fmt::format("{:.3g} ms", 1e3 * seconds) : fmt::format("{:.3g} µs", 1e6 * seconds);
}

Interval accuracy_interval(const ReportData& data, const Configuration& configuration) {
    const Mean& accuracy = configuration.accuracy;
    if (accuracy.count == 0) return {};
    if (accuracy.count > 1) return accuracy.interval;
    return wilson_interval(accuracy.mean * data.sweep.validation_images, data.sweep.validation_images);
}

std::string configuration_text(const ReportData& data, const Configuration& configuration, bool with_backbone) {
    const AxisValues& values = data.first_trial(configuration).axes;
    std::vector<std::size_t> axes = data.leaderboard.varying;
    std::erase_if(axes, is_averaged);
    for (const std::size_t axis : {kBackboneAxis, kWeightsAxis}) std::erase(axes, axis);
    if (has_bf16(values)) std::erase(axes, kPrecisionAxis);  // part of the label
    const std::string others = describe(values, axes);
    if (!with_backbone) return others;
    return backbone_label(values) + (others.empty() ? "" : ", " + others);
}

std::string class_name(const ReportData& data, int label) {
    const auto index = static_cast<std::size_t>(label);
    return label >= 0 && index < data.sweep.classes.size() ? data.sweep.classes[index] : fmt::format("class {}", label);
}

Headline headline_of(const ReportData& data) {
    Headline headline{&data.winning_trial(), percent(data.winner()->accuracy.mean), "validation accuracy",
                      average_text(data, *data.winner())};
    if (const auto* predicted = data.test.of(headline.trial->id)) {
        headline.value = percent(score_of(data.test.images, *predicted).accuracy());
        headline.measure = "test accuracy";
        headline.of = "seed " + axis_text(headline.trial->axes, kSeedAxis);
    }
    return headline;
}

std::string trained_copies_text(const ReportData& data) {
    const std::vector<ImageRecord>& images = data.validation.images;
    if (!data.winner()) return "";
    const auto copies = std::ranges::count_if(images, [](const ImageRecord& one) { return !one.trained_copy.empty(); });
    Score all, others;
    for (const std::size_t trial : data.winner()->trials) {
        const auto* predicted = data.validation.of(data.leaderboard.trials[trial].id);
        for (std::size_t i = 0; predicted && i < images.size(); ++i) {
            if ((*predicted)[i] < 0) continue;
            for (Score* score : {&all, &others}) {
                if (score == &others && !images[i].trained_copy.empty()) continue;
                ++score->images;
                score->correct += (*predicted)[i] == images[i].label;
            }
        }
    }
    if (copies == 0 || all.images == 0) return "";
    const std::string count = fmt::format("{} of {} validation images {} also in the training set", copies,
                                          images.size(), copies == 1 ? "is" : "are");
    if (others.images == 0) return fmt::format("{}: the accuracy says nothing of new images.", count);
    return fmt::format("{}: accuracy on the other {} is {}, on all {}.", count,
                       static_cast<std::ptrdiff_t>(images.size()) - copies, percent(others.accuracy()),
                       percent(all.accuracy()));
}

std::vector<Fact> facts_of(const ReportData& data) {
    if (!data.winner()) return {};
    std::vector<Fact> facts;
    const auto add = [&](const char* name, const std::string& text, bool code = false) {
        if (!text.empty()) facts.push_back({name, text, code});
    };
    if (!std::isfinite(data.winner()->accuracy.mean)) {
        add("Accuracy", "All finished trials diverged.");
        return facts;
    }
    const auto cost = data.costs.find(level_of(data, 0, kBackboneAxis).label);
    const BackboneCost known = cost == data.costs.end() ? BackboneCost{} : cost->second;
    add("Test accuracy", test_text(data));
    add("Uncertainty", uncertainty_text(data));
    add("Copies", trained_copies_text(data));
    if (data.analysis.configurations.size() > 1) add("Runner-up", runner_up_text(data));
    add("Training cost", training_text(data, known));
    add("Inference cost", inference_text(data, known));
    add("Usage",
        fmt::format("thaw predict {} --trial {} photo.jpg", shell_quoted(data.sweep.name), data.winning_trial().id),
        true);
    return facts;
}

std::string overfitting_text(const TrialCurve& curve) {
    const std::optional<Overfitting> found = overfitting(curve.epochs);
    if (!found) return "";
    const double rise = found->last - found->lowest;
    return fmt::format(
        "Overfitting: validation loss rises from {} after epoch {} to {} after epoch {}, by {:.0f} % "
        "({:.3g}; noise of one epoch: {:.2g}).",
        decimals(found->lowest, 3), found->epoch, decimals(found->last, 3), curve.epochs.back().epoch,
        100 * rise / found->lowest, rise, found->noise);
}

}  // namespace thaw
