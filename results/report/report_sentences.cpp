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

std::string images_text(int images, const char* part) {
    return counted(images, fmt::format("{} image", part));
}

/// How sure the winner's validation accuracy is, which chose it.
std::string validation_text(const ReportData& data) {
    const Configuration& best = *data.winner();
    const int images = data.sweep.validation_images;
    const Interval of_images = wilson_interval(best.accuracy.mean * images, images);
    std::string text;
    if (best.accuracy.count > 1)
        text = fmt::format(
            "{} validation accuracy, the mean of {} seeds (95 % t interval {}; standard deviation {:.1f} points). The "
            "images are a sample as well: {} by Wilson's interval for {}.",
            percent(best.accuracy.mean), best.accuracy.count, interval_text(best.accuracy.interval),
            100 * best.accuracy.deviation, interval_text(of_images), counted(images, "image"));
    else
        text = fmt::format("{} validation accuracy with one seed: 95 % interval {} (Wilson, {}).",
                           percent(best.accuracy.mean), interval_text(of_images), counted(images, "image"));
    if (best.diverged > 0) text += fmt::format(" {} of its seeds diverged and are not in the mean.", best.diverged);
    return text + fmt::format(" These images chose it among {}: expect a little less on new ones.",
                              counted(static_cast<std::int64_t>(data.analysis.configurations.size()), "configuration"));
}

/// Nothing where no finished trial was asked for the test images.
std::string test_text(const ReportData& data) {
    const RankedTrial& winner = data.winning_trial();
    if (const auto* predicted = data.test.of(winner.id)) {
        const Score score = score_of(data.test.images, *predicted);
        return fmt::format("{} test accuracy: {} of {} that chose nothing, 95 % interval {} (Wilson).",
                           percent(score.accuracy()), score.correct, images_text(score.images, "test"),
                           interval_text(wilson_interval(score.correct, score.images)));
    }
    for (const RankedTrial& trial : data.leaderboard.trials)
        if (const auto* predicted = data.test.of(trial.id)) {
            const Score score = score_of(data.test.images, *predicted);
            return fmt::format("Of the test images another trial was asked, {} ({}): {} of {} right, {}.", trial.id,
                               describe(trial.axes, data.leaderboard.varying), score.correct, score.images,
                               percent(score.accuracy()));
        }
    return "";
}

std::string runner_up_text(const ReportData& data) {
    const Configuration& second = data.analysis.configurations[1];
    const Comparison comparison = compare(data.leaderboard, *data.winner(), second, data.validation);
    return fmt::format("{} with {} validation accuracy. Against it the winner is {}.", configuration_text(data, second),
                       percent(second.accuracy.mean), comparison_text(comparison));
}

std::string training_text(const ReportData& data, const BackboneCost& cost) {
    const Configuration& best = *data.winner();
    std::string text =
        fmt::format("{} of training{}", short_time(best.seconds), best.trials.size() > 1 ? " (mean of its seeds)" : "");
    const int images = data.sweep.train_images + data.sweep.validation_images;
    if (cost.frozen_seconds > 0 && data.first_trial(best).frozen_layers > 0)
        text += fmt::format(", after {} for one pass of {} through the frozen layers, which its other trials share",
                            short_time(cost.frozen_seconds * images), counted(images, "image"));
    return text + ".";
}

std::string running_text(const ReportData& data, const BackboneCost& cost) {
    const std::string freeze = axis_text(data.first_trial(*data.winner()).axes, kFreezeAxis);
    std::vector<std::string> parts;
    if (cost.frozen_seconds > 0 && freeze != "none")
        parts.push_back(fmt::format(
            "{} a photo through the frozen layers, as measured here ({})", short_time(cost.frozen_seconds),
            freeze == "all" ? "the head on top costs next to nothing" : "the trained layers and the head come on top"));
    if (cost.parameters > 0)
        parts.push_back(fmt::format("{} parameters ({} in float32) and {:.2g} GFLOP a photo in the base",
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
    Headline headline{&data.winning_trial(), percent(data.winner()->accuracy.mean), "validation accuracy"};
    if (const auto* predicted = data.test.of(headline.trial->id)) {
        headline.value = percent(score_of(data.test.images, *predicted).accuracy());
        headline.measure = "test accuracy";
    }
    return headline;
}

std::vector<Fact> facts_of(const ReportData& data) {
    if (!data.winner()) return {};
    std::vector<Fact> facts;
    const auto add = [&](const char* name, const std::string& text, bool code = false) {
        if (!text.empty()) facts.push_back({name, text, code});
    };
    if (!std::isfinite(data.winner()->accuracy.mean)) {
        add("Accuracy", "None of the trials that finished has one: they diverged.");
        return facts;
    }
    const auto cost = data.costs.find(level_of(data, 0, kBackboneAxis).label);
    const BackboneCost known = cost == data.costs.end() ? BackboneCost{} : cost->second;
    add("On test images", test_text(data));
    add("How sure", validation_text(data));
    if (data.analysis.configurations.size() > 1) add("Runner-up", runner_up_text(data));
    add("To train", training_text(data, known));
    add("To run", running_text(data, known));
    add("To use",
        fmt::format("thaw predict {} --trial {} photo.jpg", shell_quoted(data.sweep.name), data.winning_trial().id),
        true);
    return facts;
}

std::string overfitting_text(const TrialCurve& curve) {
    const std::optional<int> turned = overfits_from(curve.epochs);
    if (!turned) return "";
    const auto at = std::find_if(curve.epochs.begin(), curve.epochs.end(),
                                 [&](const EpochRecord& epoch) { return epoch.epoch == *turned; });
    return fmt::format("Over-fitting: validation loss was lowest after epoch {} of {} and rose from {} to {} since.",
                       *turned, curve.epochs.back().epoch, decimals(at->validation_loss, 3),
                       decimals(curve.epochs.back().validation_loss, 3));
}

}  // namespace thaw
