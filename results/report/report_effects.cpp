// Hyperparameter effects and the comparison of backbones in words.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "common/util/text.hpp"
#include "results/report/report_sentences.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostBackbones = 8;  // with a sentence of their own

bool is_tested(const PairedTest& test) {
    constexpr double kNoDeviation = 1e-9;  // pairs that all differ by the same do not say how that varies
    return test.difference.count >= kFewestPairs && test.difference.deviation > kNoDeviation;
}

bool is_significant(const PairedTest& test) {
    return is_tested(test) && test.p < 1 - kConfidence;
}

/// Only digits.
bool is_whole(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

/// How deep, as people say it: "freezing up to features.7".
std::string freeze_text(const std::string& label) {
    if (label == "all" || label == "100 %") return "freezing everything";
    if (label == "none") return "freezing nothing";
    if (is_whole(label)) return fmt::format("freezing the first {} layers", label);
    if (label.ends_with(" %")) return fmt::format("freezing {} of the layers", label);
    if (label.ends_with("%")) return fmt::format("freezing {} % of the layers", label.substr(0, label.size() - 1));
    return "freezing up to " + label;
}

/// A value as sentences name it: "learning rate 0.001".
std::string value_text(const AxisEffect& effect, int level) {
    const std::string& label = effect.levels[static_cast<std::size_t>(level)].label;
    if (effect.axis == kBackboneAxis) return label;
    if (effect.axis == kFreezeAxis) return freeze_text(label);
    if (effect.axis == kHeadAxis && label == "none") return "a head without hidden layers";
    return fmt::format("{} {}", kAxes[effect.axis].label, label);
}

bool is_level(const PairedTest& test) {
    return points_text(std::abs(test.difference.mean)) == "0.0";
}

/// "learning rate 0.0003 by 1.2 points (95 % CI 0.4 to 2.0, 15 pairs)"; where the leading level is behind, the
/// difference is turned round.
std::string against_text(const AxisEffect& effect, int level, const PairEffect& pair) {
    const PairedTest& test = pair.test;
    const Mean& d = test.difference;
    const bool behind = d.mean < 0 && !is_level(test);
    const double low = behind ? -d.interval.high : d.interval.low, high = behind ? -d.interval.low : d.interval.high;
    std::string pairs = counted(d.count, pair.by_seed ? "seed" : "pair");
    if (is_tested(test)) pairs = fmt::format("95 % CI {} to {}, {}", points_text(low), points_text(high), pairs);
    const std::string by =
        is_level(test) ? "to within 0.05 points" : fmt::format("by {} points", points_text(std::abs(d.mean)));
    return fmt::format("{} {} ({})", value_text(effect, level), by, pairs);
}

std::string joined(const std::vector<std::string>& parts) {
    if (parts.size() < 2) return fmt::format("{}", fmt::join(parts, ""));
    return fmt::format("{} and {}", fmt::join(parts.begin(), parts.end() - 1, ", "), parts.back());
}

/// The leading level against all others that it can be compared with, a sentence for each outcome. `where` goes before
/// them: "within resnet50, ".
std::vector<std::string> comparisons_of(const AxisEffect& effect, const std::string& where) {
    struct Outcome {
        const char *before, *verb;
        std::vector<std::string> others;
    };
    const char *tie = "no significant difference: ", *few = "too few pairs for a test: ";
    const char *higher = "is nominally higher than", *lower = "is nominally lower than", *level_with = "equals";
    std::array<Outcome, 9> outcomes = {{{"", "beats", {}},
                                        {"", "falls behind", {}},
                                        {"", level_with, {}},
                                        {tie, higher, {}},
                                        {tie, lower, {}},
                                        {tie, level_with, {}},
                                        {few, higher, {}},
                                        {few, lower, {}},
                                        {few, level_with, {}}}};
    for (int level = 0; level < static_cast<int>(effect.levels.size()); ++level)
        if (const auto pair = effect_between(effect, level, effect.best)) {
            const PairedTest& test = pair->test;
            const std::size_t kind = is_significant(test) ? 0 : is_tested(test) ? 3 : 6;
            const std::size_t side = is_level(test) ? 2 : test.difference.mean < 0 ? 1 : 0;
            outcomes[kind + side].others.push_back(against_text(effect, level, *pair));
        }
    std::vector<std::string> sentences;
    for (const auto& [before, verb, others] : outcomes) {
        if (others.empty()) continue;
        std::string text =
            fmt::format("{}{}{} {} {}.", where, before, value_text(effect, effect.best), verb, joined(others));
        if (effect.axis != kBackboneAxis || !where.empty() || *before)  // the name of a network stays as it is
            text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
        sentences.push_back(text);
    }
    return sentences;
}

/// The share of its base's layers that each configuration freezes; NaN where that is not known.
std::vector<double> frozen_shares(const ReportData& data) {
    constexpr std::size_t kUntilAxis = axis_of("until");
    std::vector<double> shares;
    for (std::size_t i = 0; i < data.analysis.configurations.size(); ++i) {
        const RankedTrial& trial = data.first_trial(data.analysis.configurations[i]);
        const auto backbone = static_cast<std::size_t>(data.analysis.level_of[i][kBackboneAxis]);
        const auto cost = data.costs.find(data.analysis.levels[kBackboneAxis][backbone].label);
        const bool known = cost != data.costs.end() && cost->second.layers > 0 &&
                           is_unsaid(kUntilAxis, trial.axes[kUntilAxis]);  // else the base ends earlier
        shares.push_back(known ? static_cast<double>(trial.frozen_layers) / cost->second.layers : std::nan(""));
    }
    return shares;
}

/// Names of layers mean something within one backbone; across them depths are shares of all layers.
std::vector<std::string> depth_sentences(const ReportData& data) {
    const std::vector<Level>& backbones = data.analysis.levels[kBackboneAxis];
    std::vector<std::string> sentences;
    const auto add = [&](const AxisEffect& effect, const std::string& where) {
        if (effect.best < 0) return;
        const auto more = comparisons_of(effect, where);
        sentences.insert(sentences.end(), more.begin(), more.end());
    };
    for (std::size_t backbone = 0; backbone < backbones.size() && backbones.size() <= kMostBackbones; ++backbone)
        add(effect_within(data.analysis, kFreezeAxis, kBackboneAxis, static_cast<int>(backbone)),
            fmt::format("within {}, ", backbones[backbone].label));
    add(effect_of_depth(data.analysis, frozen_shares(data)), "across backbones, by the share of layers frozen, ");
    return sentences;
}

std::string effect_text(const ReportData& data, const AxisEffect& effect) {
    if (effect.levels.size() > kMostPairedLevels)
        return fmt::format("{} values were tried, too many to compare pair by pair; the chart shows them.",
                           effect.levels.size());
    const bool by_depth = effect.axis == kFreezeAxis && data.analysis.levels[kBackboneAxis].size() > 1;
    std::vector<std::string> sentences;
    if (by_depth)
        sentences = depth_sentences(data);
    else if (effect.best >= 0)
        sentences = comparisons_of(effect, "");
    if (sentences.empty())
        return "No two configurations differ in this alone, so there is no paired comparison; the chart shows what was "
               "reached.";
    return fmt::format("{}", fmt::join(sentences, "\n"));
}

double seconds_per_step(const ReportData& data, const Configuration& configuration) {
    const AxisValues& axes = data.first_trial(configuration).axes;
    const auto number = [&](std::size_t axis) {
        const auto* value = std::get_if<std::int64_t>(&axes[axis]);
        return value ? static_cast<double>(*value) : std::nan("");
    };
    const double steps = number(axis_of("epochs")) * std::ceil(data.sweep.train_images / number(axis_of("batch_size")));
    return steps > 0 ? configuration.seconds / steps : std::nan("");
}

}  // namespace

std::vector<Fact> hyperparameter_effects(const ReportData& data) {
    std::vector<Fact> paragraphs;
    for (const AxisEffect& effect : data.analysis.effects)
        if (effect.axis != kBackboneAxis) paragraphs.push_back({kAxes[effect.axis].label, effect_text(data, effect)});
    return paragraphs;
}

std::string effects_note(const ReportData& data) {
    return fmt::format(
        "Each comparison pairs configurations that differ in this hyperparameter alone{}. 95 % CIs, not corrected for "
        "multiple comparisons; all configurations share the same validation images.",
        data.analysis.seeds.size() > 1 ? ", each the mean of its seeds (where there are too few, their trials by seed)"
                                       : "");
}

std::vector<RankedBackbone> ranked_backbones(const ReportData& data) {
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
                           "best"};
        if (const auto cost = data.costs.find(row.label); cost != data.costs.end()) row.cost = cost->second;
        if (!rows.empty())
            row.verdict = verdict_text(compare(data.leaderboard, *data.winner(), configuration, data.validation));
        rows.push_back(row);
    }
    return rows;
}

std::vector<std::string> backbone_comparison(const ReportData& data) {
    const std::vector<RankedBackbone> rows = ranked_backbones(data);
    if (rows.size() < 2) return {};
    std::vector<std::string> others;
    for (std::size_t i = 1; i < std::min(rows.size(), kMostBackbones); ++i)
        others.push_back(fmt::format("{} ({}) is {}", rows[i].label, percent(rows[i].configuration->accuracy.mean),
                                     rows[i].verdict));
    if (rows.size() > kMostBackbones)
        others.push_back(fmt::format("{} more are in the table", rows.size() - kMostBackbones));
    std::vector<std::string> sentences = {
        fmt::format("The best configuration of {} reaches {}. Those of the others: {}.", rows[0].label,
                    percent(rows[0].configuration->accuracy.mean), fmt::join(others, "; "))};
    for (const AxisEffect& effect : data.analysis.effects) {
        if (effect.axis != kBackboneAxis) continue;
        sentences.push_back("All else equal: " + effect_text(data, effect));
    }
    return sentences;
}

}  // namespace thaw
