#include "results/report/analysis.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>
#include <unordered_map>

namespace thaw {
namespace {

using Codes = std::array<int, kAxes.size()>;

struct HashCodes {
    std::size_t operator()(const Codes& codes) const {
        return std::hash<std::string_view>()({reinterpret_cast<const char*>(codes.data()), sizeof codes});
    }
};

/// NaN for what is no number; dropouts are numbers though written as text.
double number_or_nan(const Cell& cell) {
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*integer);
    if (const auto* real = std::get_if<double>(&cell)) return *real;
    const auto* text = std::get_if<std::string>(&cell);
    double number = 0;
    if (!text || text->empty()) return std::nan("");
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    return error == std::errc() && end == text->data() + text->size() ? number : std::nan("");
}

/// Of heads such as "none", "128" and "256-128-64": how many layers, then how wide the first one is.
double head_order(const std::string& head) {
    if (head == "none") return 0;
    const auto layers = 1 + std::count(head.begin(), head.end(), '-');
    return 1e9 * static_cast<double>(layers) + std::strtod(head.c_str(), nullptr);
}

/// A trial's value on an axis, as trials are told apart by it.
Cell axis_value(const AxisValues& values, std::size_t axis) {
    if (axis == kFoldAxis) {  // which of so many does not matter: "2/5" is one of 5
        const std::string fold = axis_text(values, axis);
        return fold.substr(fold.find('/') + 1);  // npos + 1 is 0
    }
    if (axis != kBackboneAxis) return values[axis];
    AxisValues network = values;
    network[kPrecisionAxis] = std::string("fp32");  // an axis of its own
    return backbone_label(network);
}

/// Levels of one axis in their natural order, and each trial's among them.
struct CodedAxis {
    std::vector<Level> levels;
    std::vector<int> codes;
};

bool is_numeric(std::size_t axis, const std::vector<Cell>& values) {
    if (axis == kFreezeAxis || axis == kHeadAxis || axis == kBackboneAxis) return false;
    return std::all_of(values.begin(), values.end(),
                       [](const Cell& cell) { return std::isfinite(number_or_nan(cell)); });
}

/// A number for each value, by which they stand in line.
std::vector<double> natural_order(const Leaderboard& board, std::size_t axis, const std::vector<Cell>& values) {
    std::vector<double> order(values.size());
    std::unordered_map<std::string, double> depths;
    if (axis == kFreezeAxis)
        for (const std::string& freeze : freezes_by_depth(board))
            depths.emplace(freeze, static_cast<double>(depths.size()));
    const bool numbers = is_numeric(axis, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::string text = cell_text(values[i], kAxes[axis].name);
        order[i] = axis == kFreezeAxis ? depths[text]
                   : axis == kHeadAxis ? head_order(text)
                   : numbers           ? number_or_nan(values[i])
                                       : 0;
    }
    return order;
}

CodedAxis code_axis(const Leaderboard& board, std::size_t axis) {
    std::unordered_map<Cell, int> seen;
    std::vector<Cell> values;
    CodedAxis coded;
    for (const RankedTrial& trial : board.trials) {
        Cell value = axis_value(trial.axes, axis);
        const auto [place, is_new] = seen.try_emplace(std::move(value), static_cast<int>(values.size()));
        if (is_new) values.push_back(place->first);
        coded.codes.push_back(place->second);
    }
    const auto order_of = natural_order(board, axis, values);
    const bool numbers = is_numeric(axis, values);
    std::vector<int> order(values.size()), place_of(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
        const auto i = static_cast<std::size_t>(a), k = static_cast<std::size_t>(b);
        return order_of[i] != order_of[k] ? order_of[i] < order_of[k] : values[i] < values[k];
    });
    for (const int value : order) {
        place_of[static_cast<std::size_t>(value)] = static_cast<int>(coded.levels.size());
        const Cell& cell = values[static_cast<std::size_t>(value)];
        coded.levels.push_back({cell_text(cell, kAxes[axis].name), numbers ? number_or_nan(cell) : std::nan("")});
    }
    for (int& code : coded.codes) code = place_of[static_cast<std::size_t>(code)];
    return coded;
}

/// Equal numbers of correct images have equal means, in whichever order their trials were summed up.
double steady(double mean) {
    return std::round(1e12 * mean) / 1e12;
}

/// What those of `trials` have on average whose accuracy is a number.
template <typename Field>
double mean_over(const Leaderboard& board, const std::vector<std::size_t>& trials, const Field& field) {
    double sum = 0;
    int count = 0;
    for (const std::size_t trial : trials) {
        if (!std::isfinite(board.trials[trial].validation_accuracy)) continue;
        sum += board.trials[trial].*field;
        ++count;
    }
    return sum / count;
}

Configuration configuration_of(const Leaderboard& board, std::vector<std::size_t> trials) {
    Configuration configuration;
    std::vector<double> accuracies;
    for (const std::size_t trial : trials) {
        const RankedTrial& one = board.trials[trial];
        const double accuracy = one.validation_accuracy;
        configuration.runs.push_back({one.axes[kSeedAxis], one.axes[kFoldAxis], accuracy});
        if (std::isfinite(accuracy))
            accuracies.push_back(accuracy);
        else
            ++configuration.diverged;
    }
    configuration.accuracy = mean_of(accuracies);
    configuration.accuracy.mean = steady(configuration.accuracy.mean);
    configuration.validation_loss = mean_over(board, trials, &RankedTrial::validation_loss);
    configuration.train_accuracy = mean_over(board, trials, &RankedTrial::train_accuracy);
    configuration.seconds = mean_over(board, trials, &RankedTrial::seconds);
    configuration.validation_auc = mean_over(board, trials, &RankedTrial::validation_auc);
    configuration.validation_top5_accuracy = mean_over(board, trials, &RankedTrial::validation_top5_accuracy);
    configuration.trials = std::move(trials);
    return configuration;
}

/// By mean accuracy, then by the lower loss, then as the leaderboard has their first trials.
bool ranks_before(const Configuration& a, const Configuration& b) {
    constexpr double kWorst = -std::numeric_limits<double>::infinity();
    const auto or_worst = [](double value) { return std::isfinite(value) ? value : kWorst; };
    if (const double x = or_worst(a.accuracy.mean), y = or_worst(b.accuracy.mean); x != y) return x > y;
    if (const double x = or_worst(-a.validation_loss), y = or_worst(-b.validation_loss); x != y) return x > y;
    return a.trials.front() < b.trials.front();
}

void group_by_configuration(const Leaderboard& board, const std::vector<Codes>& codes, Analysis& analysis) {
    std::unordered_map<Codes, std::size_t, HashCodes> places;
    std::vector<std::vector<std::size_t>> groups;
    for (std::size_t trial = 0; trial < codes.size(); ++trial) {
        Codes key = codes[trial];
        key[kSeedAxis] = 0;
        const auto [place, is_new] = places.try_emplace(key, groups.size());
        if (is_new) groups.emplace_back();
        groups[place->second].push_back(trial);
    }
    for (auto& group : groups) analysis.configurations.push_back(configuration_of(board, std::move(group)));
    std::sort(analysis.configurations.begin(), analysis.configurations.end(), ranks_before);
    for (const Configuration& configuration : analysis.configurations)
        analysis.level_of.push_back(codes[configuration.trials.front()]);
}

using Groups = std::unordered_map<Codes, std::vector<std::size_t>, HashCodes>;  // configurations by what they share

/// Calls `visit(from, to)` for all pairs of configurations that differ in nothing but this axis, in its levels' order.
template <typename Visit>
void for_each_pair(const Analysis& analysis, std::size_t axis, const Visit& visit) {
    const auto level = [&](std::size_t i) { return analysis.level_of[i][axis]; };
    const auto pair = [&](std::size_t a, std::size_t b) {
        if (level(a) > level(b)) std::swap(a, b);
        if (level(a) != level(b)) visit(a, b);
    };
    // A head without hidden layers has no dropout, and so is all else equal to heads with any.
    const auto has_no_dropout = [&](std::size_t i) {
        return axis == kHeadAxis && analysis.levels[kHeadAxis][static_cast<std::size_t>(level(i))].label == "none";
    };
    Groups alike, without_dropout;
    for (std::size_t i = 0; i < analysis.configurations.size(); ++i) {
        if (!std::isfinite(analysis.configurations[i].accuracy.mean)) continue;
        Codes key = analysis.level_of[i];
        key[axis] = key[kSeedAxis] = 0;
        if (axis == kBackboneAxis) key[kWeightsAxis] = 0;  // part of the backbone's level
        if (has_no_dropout(i)) key[kDropoutAxis] = 0;
        (has_no_dropout(i) ? without_dropout : alike)[key].push_back(i);
    }
    for (const auto& [key, group] : alike) {
        for (std::size_t a = 0; a < group.size(); ++a)
            for (std::size_t b = a + 1; b < group.size(); ++b) pair(group[a], group[b]);
        Codes bare = key;
        bare[kDropoutAxis] = 0;
        if (const auto others = without_dropout.find(bare); others != without_dropout.end())
            for (const std::size_t a : group)
                for (const std::size_t b : others->second) pair(a, b);
    }
}

/// The level that is ahead of the others by most, on average over those it is paired with.
int leading_level(const AxisEffect& effect) {
    std::vector<double> lead(effect.levels.size());
    std::vector<int> pairs(effect.levels.size());
    for (const PairEffect& pair : effect.pairs) {
        const auto from = static_cast<std::size_t>(pair.from), to = static_cast<std::size_t>(pair.to);
        lead[to] += pair.test.difference.mean;
        lead[from] -= pair.test.difference.mean;
        ++pairs[from], ++pairs[to];
    }
    int best = -1;
    double most = -std::numeric_limits<double>::infinity();
    for (std::size_t level = 0; level < lead.size(); ++level) {
        if (pairs[level] == 0 || lead[level] / pairs[level] <= most) continue;
        most = lead[level] / pairs[level];
        best = static_cast<int>(level);
    }
    return best;
}

/// Of trials with equal seeds and folds.
void add_differences(const Configuration& from, const Configuration& to, std::vector<double>& differences) {
    for (const Configuration::Run& a : from.runs)
        for (const Configuration::Run& b : to.runs)
            if (a.seed == b.seed && a.fold == b.fold && std::isfinite(a.accuracy) && std::isfinite(b.accuracy))
                differences.push_back(b.accuracy - a.accuracy);
}

AxisEffect effect_of(const Analysis& analysis, std::size_t axis) {
    AxisEffect effect;
    effect.axis = axis;
    effect.levels = analysis.levels[axis];
    effect.means.resize(effect.levels.size());
    effect.counts.resize(effect.levels.size());
    for (std::size_t i = 0; i < analysis.configurations.size(); ++i) {
        const double accuracy = analysis.configurations[i].accuracy.mean;
        const auto level = static_cast<std::size_t>(analysis.level_of[i][axis]);
        if (!std::isfinite(accuracy)) continue;
        effect.means[level] += accuracy;
        ++effect.counts[level];
    }
    for (std::size_t level = 0; level < effect.means.size(); ++level)
        effect.means[level] =
            effect.counts[level] > 0 ? steady(effect.means[level] / effect.counts[level]) : std::nan("");
    if (effect.levels.size() > kMostPairedLevels) return effect;
    struct Differences {
        std::vector<double> of_means, of_runs;
    };
    std::map<std::pair<int, int>, Differences> differences;
    for_each_pair(analysis, axis, [&](std::size_t from, std::size_t to) {
        const Configuration &low = analysis.configurations[from], &high = analysis.configurations[to];
        auto& [of_means, of_runs] = differences[{analysis.level_of[from][axis], analysis.level_of[to][axis]}];
        of_means.push_back(high.accuracy.mean - low.accuracy.mean);
        if (of_means.size() < kFewestPairs) add_differences(low, high, of_runs);
    });
    for (auto& [levels, values] : differences) {
        const bool by_seed = values.of_means.size() < kFewestPairs && values.of_runs.size() >= kFewestPairs;
        auto& chosen = by_seed ? values.of_runs : values.of_means;
        std::sort(chosen.begin(), chosen.end());  // the same sums whatever the order of hashes
        effect.pairs.push_back({levels.first, levels.second, paired_t_test(chosen), by_seed});
    }
    effect.best = leading_level(effect);
    return effect;
}

/// Of configurations, the fastest first, those that are better than all faster ones.
std::vector<std::size_t> pareto_front(const std::vector<Configuration>& configurations) {
    std::vector<std::size_t> order, front;
    for (std::size_t i = 0; i < configurations.size(); ++i)
        if (std::isfinite(configurations[i].accuracy.mean) && std::isfinite(configurations[i].seconds))
            order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return configurations[a].seconds < configurations[b].seconds;
    });
    double best = -1;
    for (const std::size_t i : order) {
        if (configurations[i].accuracy.mean <= best) continue;
        best = configurations[i].accuracy.mean;
        if (!front.empty() && configurations[front.back()].seconds == configurations[i].seconds) front.pop_back();
        front.push_back(i);
    }
    return front;
}

}  // namespace

std::vector<RankingMetric> ranking_metrics(const Analysis& analysis) {
    std::vector<RankingMetric> metrics;
    for (const RankingMetric& metric : {RankingMetric{"AUC", &Configuration::validation_auc},
                                        RankingMetric{"top-5 accuracy", &Configuration::validation_top5_accuracy}})
        if (std::any_of(analysis.configurations.begin(), analysis.configurations.end(),
                        [&](const Configuration& one) { return std::isfinite(one.*metric.value); }))
            metrics.push_back(metric);
    return metrics;
}

Analysis analyze(const Leaderboard& board) {
    Analysis analysis;
    std::vector<Codes> codes(board.trials.size());
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) {
        CodedAxis coded = code_axis(board, axis);
        for (std::size_t trial = 0; trial < codes.size(); ++trial) codes[trial][axis] = coded.codes[trial];
        analysis.levels[axis] = std::move(coded.levels);
    }
    for (const Level& seed : analysis.levels[kSeedAxis]) analysis.seeds.push_back(seed.label);
    group_by_configuration(board, codes, analysis);
    std::vector<std::size_t> axes = {kFreezeAxis};
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis)
        if (axis != kFreezeAxis && axis != kWeightsAxis && !is_averaged(axis)) axes.push_back(axis);
    for (const std::size_t axis : axes)
        if (analysis.levels[axis].size() > 1) analysis.effects.push_back(effect_of(analysis, axis));
    analysis.front = pareto_front(analysis.configurations);
    return analysis;
}

AxisEffect effect_within(const Analysis& analysis, std::size_t axis, std::size_t other_axis, int level) {
    Analysis part;
    part.levels = analysis.levels;
    for (std::size_t i = 0; i < analysis.configurations.size(); ++i) {
        if (analysis.level_of[i][other_axis] != level) continue;
        part.configurations.push_back(analysis.configurations[i]);
        part.level_of.push_back(analysis.level_of[i]);
    }
    return effect_of(part, axis);
}

std::optional<PairEffect> effect_between(const AxisEffect& effect, int from, int to) {
    for (const PairEffect& pair : effect.pairs) {
        if (pair.from == from && pair.to == to) return pair;
        if (pair.from != to || pair.to != from) continue;
        PairEffect turned = {from, to, pair.test, pair.by_seed};
        turned.test.difference.mean = -pair.test.difference.mean;
        turned.test.difference.interval = {-pair.test.difference.interval.high, -pair.test.difference.interval.low};
        return turned;
    }
    return {};
}

std::vector<std::size_t> best_by_level(const Analysis& analysis, std::size_t axis) {
    std::vector<bool> seen(analysis.levels[axis].size());
    std::vector<std::size_t> best;
    for (std::size_t i = 0; i < analysis.configurations.size(); ++i) {
        const auto level = static_cast<std::size_t>(analysis.level_of[i][axis]);
        if (!seen[level]) best.push_back(i);
        seen[level] = true;
    }
    return best;
}

AxisEffect effect_of_depth(const Analysis& analysis, const std::vector<double>& shares) {
    Analysis part;
    part.levels = analysis.levels;
    part.levels[kFreezeAxis] = {{"less than 25 %"}, {"25 to 49 %"}, {"50 to 74 %"}, {"75 to 99 %"}, {"100 %"}};
    for (std::size_t i = 0; i < analysis.configurations.size(); ++i) {
        if (!std::isfinite(shares[i])) continue;
        part.configurations.push_back(analysis.configurations[i]);
        part.level_of.push_back(analysis.level_of[i]);
        part.level_of.back()[kFreezeAxis] = std::clamp(static_cast<int>(4 * shares[i]), 0, 4);
    }
    return effect_of(part, kFreezeAxis);
}

std::optional<Overfitting> overfitting(const std::vector<EpochRecord>& curve) {
    constexpr std::size_t kFewestEpochs = 5;
    if (curve.size() < kFewestEpochs) return {};
    std::vector<double> losses, bends;
    for (const EpochRecord& epoch : curve) losses.push_back(epoch.validation_loss);
    if (!std::all_of(losses.begin(), losses.end(), [](double loss) { return std::isfinite(loss); })) return {};
    for (std::size_t i = 1; i + 1 < losses.size(); ++i)
        bends.push_back(std::abs(losses[i - 1] - 2 * losses[i] + losses[i + 1]));
    std::sort(bends.begin(), bends.end());
    const double median = (bends[(bends.size() - 1) / 2] + bends[bends.size() / 2]) / 2;
    // 1.4826 makes a median a standard deviation; a second difference of independent errors has 6 times their variance.
    const double noise = 1.4826 * median / std::sqrt(6.0);
    const auto lowest = std::min_element(losses.begin(), losses.end());
    const double rise = losses.back() - *lowest;
    if (rise <= 3 * noise || rise <= 0.01 * *lowest) return {};
    return Overfitting{curve[static_cast<std::size_t>(lowest - losses.begin())].epoch, *lowest, losses.back(), noise};
}

}  // namespace thaw
