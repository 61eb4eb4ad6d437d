// Problem One (what every axis changes) and Problem Two (which backbone) in words.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/util/text.hpp"
#include "results/report/report_sentences.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostBackbones = 8;  // with a sentence of their own
constexpr int kFewestPairs = 3;            // whose interval says anything

/// "+1.2", with a true minus sign.
std::string signed_points(double difference) {
    const double points = 100 * difference;
    return fmt::format("{}{:.1f}", points < 0 ? "−" : "+", std::abs(points));
}

bool is_clear(const PairedTest& test) {
    return std::isfinite(test.p) && test.p < 1 - kConfidence;
}

/// "+1.2 points over all (95 % interval +0.3 to +2.1, 18 pairs)".
std::string lead_text(const PairedTest& test, const std::string& over) {
    const Mean& d = test.difference;
    const std::string lead = fmt::format("{} points over “{}”", signed_points(d.mean), over);
    if (d.count < kFewestPairs) return fmt::format("{} ({})", lead, counted(d.count, "pair"));
    return fmt::format("{} (95 % interval {} to {}, {}{})", lead, signed_points(d.interval.low),
                       signed_points(d.interval.high), counted(d.count, "pair"),
                       is_clear(test) ? "" : ": no clear difference");
}

const std::string& label_of(const AxisEffect& effect, int level) {
    return effect.levels[static_cast<std::size_t>(level)].label;
}

/// The best level against all others it can be compared with.
std::vector<std::string> leads_of(const AxisEffect& effect) {
    std::vector<std::string> leads;
    for (int level = 0; level < static_cast<int>(effect.levels.size()); ++level)
        if (const auto test = effect_between(effect, level, effect.best))
            leads.push_back(lead_text(*test, label_of(effect, level)));
    return leads;
}

/// "Best" is what is clearly ahead of all that it can be compared with.
std::string best_text(const AxisEffect& effect) {
    int compared = 0, clear = 0;
    for (const PairEffect& pair : effect.pairs) {
        if (pair.from != effect.best && pair.to != effect.best) continue;
        ++compared;
        clear += is_clear(pair.test);
    }
    return fmt::format("{} “{}”: {}.",
                       clear == compared ? "Best is"
                       : clear > 0       ? "Ahead is"
                                         : "Nothing is clearly best; ahead is",
                       label_of(effect, effect.best), fmt::join(leads_of(effect), "; "));
}

/// How accuracy moves along an axis of three levels or more that have an order.
std::string steps_text(const AxisEffect& effect) {
    const bool ordered = effect.axis == kFreezeAxis || std::string(kAxes[effect.axis].name) == "head" ||
                         std::isfinite(effect.levels.front().number);
    if (!ordered || effect.levels.size() < 3) return "";
    std::string steps;
    for (int level = 1; level < static_cast<int>(effect.levels.size()); ++level) {
        const auto test = effect_between(effect, level - 1, level);
        if (!test) return "";
        steps += fmt::format("{} “{}” {}", level == 1 ? fmt::format("“{}” →", label_of(effect, 0)) : " →",
                             label_of(effect, level), signed_points(test->difference.mean));
    }
    return fmt::format(" Step by step: {} points.", steps);
}

/// The freeze depth can be another one for every backbone.
std::string by_backbone_text(const ReportData& data, const AxisEffect& effect) {
    const std::vector<Level>& backbones = data.analysis.levels[kBackboneAxis];
    if (backbones.size() < 2 || backbones.size() > kMostBackbones) return "";
    std::vector<std::string> parts;
    for (std::size_t backbone = 0; backbone < backbones.size(); ++backbone) {
        const AxisEffect within = effect_within(data.analysis, effect.axis, kBackboneAxis, static_cast<int>(backbone));
        if (within.best >= 0)
            parts.push_back(fmt::format("with {} “{}”, {}", backbones[backbone].label, label_of(within, within.best),
                                        fmt::join(leads_of(within), "; ")));
    }
    return parts.size() < 2 ? "" : fmt::format(" By backbone, ahead is {}.", fmt::join(parts, "; "));
}

std::string effect_text(const ReportData& data, const AxisEffect& effect) {
    if (effect.levels.size() > kMostPairedLevels)
        return fmt::format("{} values were tried, too many to compare one by one; the chart shows them.",
                           effect.levels.size());
    if (effect.best < 0)
        return "No two configurations differ in this alone, so nothing can be said with all else equal; the chart "
               "shows "
               "what was reached.";
    std::string text = best_text(effect) + steps_text(effect);
    if (effect.axis == kFreezeAxis) text += by_backbone_text(data, effect);
    return text;
}

std::string verdict_text(const Comparison& comparison) {
    switch (comparison.verdict) {
        case Comparison::Verdict::better:
            return fmt::format("truly worse, {:.1f} points", 100 * comparison.difference);
        case Comparison::Verdict::tie:
            return fmt::format("a tie, {:.1f} points", 100 * comparison.difference);
        case Comparison::Verdict::unknown:
            break;
    }
    return "cannot be told";
}

double seconds_per_step(const ReportData& data, const Configuration& configuration) {
    const AxisValues& axes = data.first_trial(configuration).axes;
    const auto number = [&](std::size_t axis) {
        const auto* value = std::get_if<std::int64_t>(&axes[axis]);
        return value ? static_cast<double>(*value) : std::nan("");
    };
    constexpr std::size_t kBatchSizeAxis = 8, kEpochsAxis = 9;
    const double steps = number(kEpochsAxis) * std::ceil(data.sweep.train_images / number(kBatchSizeAxis));
    return steps > 0 ? configuration.seconds / steps : std::nan("");
}

}  // namespace

std::vector<Fact> problem_one(const ReportData& data) {
    std::vector<Fact> paragraphs;
    for (const AxisEffect& effect : data.analysis.effects)
        if (effect.axis != kBackboneAxis) paragraphs.push_back({kAxes[effect.axis].label, effect_text(data, effect)});
    return paragraphs;
}

std::string problem_one_note(const ReportData& data) {
    return fmt::format(
        "Differences are between pairs of configurations that differ in nothing but this{}. Each interval is for "
        "itself: "
        "of twenty, one misses.",
        data.analysis.seeds.size() > 1 ? ", each the mean of its seeds" : "");
}

std::vector<RankedBackbone> problem_two_rows(const ReportData& data) {
    std::vector<RankedBackbone> rows;
    for (const std::size_t i : best_by_level(data.analysis, kBackboneAxis)) {
        const Configuration& configuration = data.analysis.configurations[i];
        const auto level = static_cast<std::size_t>(data.analysis.level_of[i][kBackboneAxis]);
        RankedBackbone row{&configuration,
                           &data.first_trial(configuration),
                           data.analysis.levels[kBackboneAxis][level].label,
                           accuracy_interval(data, configuration),
                           {},
                           seconds_per_step(data, configuration),
                           "the best"};
        if (const auto cost = data.costs.find(row.label); cost != data.costs.end()) row.cost = cost->second;
        if (!rows.empty())
            row.verdict = verdict_text(compare(data.leaderboard, *data.winner(), configuration, data.validation));
        rows.push_back(row);
    }
    return rows;
}

std::vector<std::string> problem_two(const ReportData& data) {
    const std::vector<RankedBackbone> rows = problem_two_rows(data);
    if (rows.size() < 2) return {};
    std::vector<std::string> others;
    for (std::size_t i = 1; i < std::min(rows.size(), kMostBackbones); ++i)
        others.push_back(
            fmt::format("{} ({}) is {}", rows[i].label, percent(rows[i].configuration->accuracy.mean),
                        rows[i].verdict == "cannot be told" ? "not to be told from it" : rows[i].verdict + " behind"));
    std::vector<std::string> sentences = {fmt::format("Each at its best, {} leads with {}: {}.", rows[0].label,
                                                      percent(rows[0].configuration->accuracy.mean),
                                                      fmt::join(others, "; "))};
    for (const AxisEffect& effect : data.analysis.effects) {
        if (effect.axis != kBackboneAxis) continue;
        sentences.push_back("All else equal: " + effect_text(data, effect));
    }
    return sentences;
}

}  // namespace thaw
