#include "results/report/report_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "common/trial/class_scores_table.hpp"
#include "common/util/text.hpp"
#include "results/query/class_scores.hpp"
#include "results/report/report_sentences.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostStrips = 30;
constexpr std::size_t kMostDrawn = 2000, kAlwaysDrawn = 500;
constexpr std::size_t kMostLines = 150;           // of parallel coordinates
constexpr std::size_t kMostConfusedClasses = 30;  // in a matrix

/// How an axis is drawn.
struct AxisDrawing {
    bool scatter = false;  // as numbers, else one strip a level
    bool logarithmic = false;
    std::vector<int> strips;  // levels, the best ones where they are too many
};

AxisDrawing drawing_of(const AxisEffect& effect) {
    AxisDrawing drawing;
    const double low = effect.levels.front().number, high = effect.levels.back().number;
    const bool numbers = std::isfinite(low);
    drawing.scatter = numbers && (effect.levels.size() > kMostPairedLevels || effect.axis == kLearningRateAxis);
    drawing.logarithmic = drawing.scatter && low > 0 && high / low >= 8;
    if (drawing.scatter) return drawing;
    for (std::size_t level = 0; level < effect.levels.size(); ++level)
        drawing.strips.push_back(static_cast<int>(level));
    if (drawing.strips.size() <= kMostStrips) return drawing;
    const auto better = [&](int a, int b) {
        const double x = effect.means[static_cast<std::size_t>(a)], y = effect.means[static_cast<std::size_t>(b)];
        return std::isfinite(x) && (!std::isfinite(y) || x > y);
    };
    std::stable_sort(drawing.strips.begin(), drawing.strips.end(), better);
    drawing.strips.resize(kMostStrips);
    return drawing;
}

/// Places of the configurations that charts show one by one: all of them, or the best, the front, and every so many of
/// the others.
std::vector<std::size_t> drawn_configurations(const ReportData& data) {
    const std::size_t count = data.analysis.configurations.size();
    std::vector<std::size_t> drawn;
    const std::size_t stride = count <= kMostDrawn ? 1 : (count - kAlwaysDrawn) / (kMostDrawn - kAlwaysDrawn) + 1;
    std::vector<bool> in_front(count);
    for (const std::size_t i : data.analysis.front) in_front[i] = true;
    for (std::size_t i = 0; i < count; ++i)
        if (i < kAlwaysDrawn || i % stride == 0 || in_front[i]) drawn.push_back(i);
    return drawn;
}

/// All of these, each with its place among them as its tip.
std::vector<Dot> dots_of(const ReportData& data, const std::vector<std::size_t>& drawn) {
    std::vector<Dot> dots;
    for (std::size_t place = 0; place < drawn.size(); ++place) {
        const Configuration& configuration = data.analysis.configurations[drawn[place]];
        dots.push_back({.x = 0,
                        .accuracy = configuration.accuracy.mean,
                        .random = has_random_weights(data.first_trial(configuration).axes),
                        .best = drawn[place] == 0,
                        .tip = fmt::format("{}", place)});
    }
    return dots;
}

/// Of all configurations, so that every chart has the same scale.
Span accuracy_span(const ReportData& data) {
    std::vector<double> accuracies;
    for (const Configuration& configuration : data.analysis.configurations)
        accuracies.push_back(configuration.accuracy.mean);
    return span_of(accuracies);
}

/// "2000 of 100000 configurations", where not all of them are drawn one by one.
std::string drawn_note(const ReportData& data) {
    const std::size_t count = data.analysis.configurations.size(), drawn = drawn_configurations(data).size();
    return drawn < count ? fmt::format("{} of {} configurations.", drawn, count) : "";
}

std::string strips_of(const ReportData& data, const AxisEffect& effect, const std::string& title) {
    const std::vector<std::size_t> drawn = drawn_configurations(data);
    const std::vector<Dot> dots = dots_of(data, drawn);
    std::vector<Strip> strips;
    for (const int level : drawing_of(effect).strips) {
        const auto index = static_cast<std::size_t>(level);
        strips.push_back({effect.levels[index].label, effect.means[index], {}});
        for (std::size_t i = 0; i < drawn.size(); ++i)
            if (data.analysis.level_of[drawn[i]][effect.axis] == level) strips.back().dots.push_back(dots[i]);
    }
    return strip_chart(title, strips, accuracy_span(data));
}

std::string scatter_of(const ReportData& data, const AxisEffect& effect, const std::string& title) {
    const std::vector<std::size_t> drawn = drawn_configurations(data);
    std::vector<Dot> dots = dots_of(data, drawn);
    for (std::size_t i = 0; i < drawn.size(); ++i)
        dots[i].x = effect.levels[static_cast<std::size_t>(data.analysis.level_of[drawn[i]][effect.axis])].number;
    Trend trend{.x_label = kAxes[effect.axis].label, .points = {}, .at_values = false};
    if (effect.levels.size() <= kMostPairedLevels) {
        trend.at_values = true;
        for (std::size_t level = 0; level < effect.levels.size(); ++level)
            trend.points.push_back(
                {.x = effect.levels[level].number,
                 .accuracy = effect.means[level],
                 .tip = fmt::format("{}: mean {}", effect.levels[level].label, percent(effect.means[level]))});
    }
    return scatter_chart(title, dots, trend, accuracy_span(data), drawing_of(effect).logarithmic);
}

}  // namespace

std::vector<std::string> configuration_tips(const ReportData& data) {
    std::vector<std::string> tips;
    for (const std::size_t i : drawn_configurations(data)) {
        const Configuration& configuration = data.analysis.configurations[i];
        tips.push_back(fmt::format("{}: {} validation accuracy, {} of training",
                                   configuration_text(data, configuration), percent(configuration.accuracy.mean),
                                   short_time(configuration.seconds)));
    }
    return tips;
}

std::vector<Figure> curve_figures(const ReportData& data) {
    std::vector<double> accuracies, losses;
    int last_epoch = 1;
    for (const TrialCurve& curve : data.curves) {
        for (const EpochRecord& epoch : curve.epochs) {
            accuracies.insert(accuracies.end(), {epoch.train_accuracy, epoch.validation_accuracy});
            losses.insert(losses.end(), {epoch.train_loss, epoch.validation_loss});
            last_epoch = std::max(last_epoch, epoch.epoch);
        }
    }
    std::vector<std::size_t> axes = data.leaderboard.varying;
    std::vector<Figure> figures;
    for (std::size_t i = 0; i < data.curves.size(); ++i) {
        const RankedTrial& trial = data.leaderboard.trials[data.curves[i].trial];
        std::string caption = describe(trial.axes, axes);
        if (has_random_weights(trial.axes)) caption += " (random weights)";
        if (const std::string found = overfitting_text(data.curves[i]); !found.empty()) caption += ". " + found;
        const auto add = [&](Curve curve, const char* name, const std::vector<double>& values) {
            const std::string title = fmt::format("{} by epoch of trial {}", name, trial.id);
            figures.push_back({fmt::format("curve_{}_{}", i + 1, name), "", title,
                               curve_chart(fmt::format("{}: {}", title, caption), data.curves[i].epochs, curve,
                                           span_of(values), last_epoch),
                               ""});
        };
        add(Curve::accuracy, "accuracy", accuracies);
        figures.back().heading =
            fmt::format("{}{}: {}", backbone_label(trial.axes),
                        data.analysis.seeds.size() > 1 ? ", seed " + axis_text(trial.axes, kSeedAxis) : "",
                        percent(trial.validation_accuracy));
        add(Curve::loss, "loss", losses);
        figures.back().caption = caption;
    }
    return figures;
}

std::vector<Figure> axis_figures(const ReportData& data) {
    std::vector<Figure> figures;
    for (const AxisEffect& effect : data.analysis.effects) {
        const AxisDrawing drawing = drawing_of(effect);
        const std::string title = fmt::format("validation accuracy by {}", kAxes[effect.axis].label);
        std::string note = drawn_note(data);
        if (!drawing.scatter && drawing.strips.size() < effect.levels.size())
            note = fmt::format("The best {} of {} values.{}{}", drawing.strips.size(), effect.levels.size(),
                               note.empty() ? "" : " ", note);
        figures.push_back({fmt::format("accuracy_by_{}", kAxes[effect.axis].name), kAxes[effect.axis].label, title,
                           drawing.scatter ? scatter_of(data, effect, title) : strips_of(data, effect, title), "",
                           note});
    }
    return figures;
}

std::optional<Figure> time_figure(const ReportData& data) {
    const std::vector<std::size_t> drawn = drawn_configurations(data);
    std::vector<Dot> dots = dots_of(data, drawn);
    for (std::size_t i = 0; i < drawn.size(); ++i) dots[i].x = data.analysis.configurations[drawn[i]].seconds;
    std::erase_if(dots, [](const Dot& dot) { return !(dot.x > 0); });
    if (dots.size() < 2) return {};
    Trend trend{.x_label = "training time (seconds)", .points = {}, .at_values = false};
    for (const std::size_t i : data.analysis.front) {
        const Configuration& configuration = data.analysis.configurations[i];
        if (configuration.seconds > 0)
            trend.points.push_back({.x = configuration.seconds, .accuracy = configuration.accuracy.mean});
    }
    const char* title = "validation accuracy by training time, with the Pareto front";
    return Figure{"accuracy_by_time",
                  "Pareto front",
                  title,
                  scatter_chart(title, dots, trend, accuracy_span(data), true),
                  "The line is the Pareto front: no other configuration is both faster and more accurate.",
                  drawn_note(data)};
}

std::optional<Figure> parallel_figure(const ReportData& data) {
    const Analysis& analysis = data.analysis;
    if (analysis.effects.size() < 2 || analysis.configurations.size() < 3) return {};
    Parallel parallel;
    for (const AxisEffect& effect : analysis.effects) {
        Parallel::Axis& axis = parallel.axes.emplace_back();
        axis.label = kAxes[effect.axis].label;
        for (const Level& level : effect.levels) axis.levels.push_back(level.label);
    }
    // From the worst to the best value that is there.
    double low = 1, high = 0;
    for (const Configuration& configuration : analysis.configurations) {
        if (!std::isfinite(configuration.accuracy.mean)) continue;
        low = std::min(low, configuration.accuracy.mean);
        high = std::max(high, configuration.accuracy.mean);
    }
    parallel.axes.push_back({"accuracy", {percent(low), percent(high)}});
    const std::size_t count = analysis.configurations.size(), stride = 1 + (count - 1) / kMostLines;
    for (std::size_t i = 0; i < count; i += stride) {
        const Configuration& configuration = analysis.configurations[i];
        if (!std::isfinite(configuration.accuracy.mean)) continue;
        Parallel::Line& line = parallel.lines.emplace_back();
        for (const AxisEffect& effect : analysis.effects) {
            // Fanned out a little, so that lines through the same level can be told apart.
            const double place = analysis.level_of[i][effect.axis] / static_cast<double>(effect.levels.size() - 1);
            line.places.push_back(place + 0.05 * spread(i) - 0.025);
        }
        line.places.push_back(high > low ? (configuration.accuracy.mean - low) / (high - low) : 1);
        line.rank = static_cast<double>(i) / static_cast<double>(count);
        line.title = percent(configuration.accuracy.mean) + ": " + configuration_text(data, configuration);
    }
    const char* title =
        "parallel coordinates: every hyperparameter and validation accuracy, one line per configuration";
    return Figure{"parallel_coordinates",
                  "",
                  title,
                  parallel_chart(title, parallel),
                  "",
                  stride > 1 ? fmt::format("{} of {} configurations.", parallel.lines.size(), count) : ""};
}

std::optional<HeatMap> freeze_map(const ReportData& data) {
    const Analysis& analysis = data.analysis;
    const std::vector<Level>&freezes = analysis.levels[kFreezeAxis], &backbones = analysis.levels[kBackboneAxis];
    constexpr std::size_t kMostRows = 60, kMostColumns = 30;
    if (freezes.size() < 2 || backbones.size() < 2 || freezes.size() > kMostColumns || backbones.size() > kMostRows)
        return {};
    HeatMap map{.name = "freeze_and_backbone",
                .title = "Best validation accuracy by backbone and frozen depth, deeper to the right",
                .row_name = "backbone",
                .column_name = "freeze",
                .rows = {},
                .columns = {},
                .cells = {}};
    for (const Level& freeze : freezes) map.columns.push_back(freeze.label);
    std::map<std::pair<int, int>, std::pair<double, int>> best;  // accuracy, configurations
    double low = 1, high = 0;
    for (std::size_t i = 0; i < analysis.configurations.size(); ++i) {  // the best first
        const double accuracy = analysis.configurations[i].accuracy.mean;
        auto& [reached, count] = best[{analysis.level_of[i][kBackboneAxis], analysis.level_of[i][kFreezeAxis]}];
        if (count++ > 0) continue;
        reached = accuracy;
        if (std::isfinite(accuracy)) low = std::min(low, accuracy), high = std::max(high, accuracy);
    }
    for (const std::size_t i : best_by_level(analysis, kBackboneAxis)) {
        const int backbone = analysis.level_of[i][kBackboneAxis];
        map.rows.push_back(backbones[static_cast<std::size_t>(backbone)].label);
        std::vector<HeatMap::Cell>& row = map.cells.emplace_back(freezes.size());
        for (std::size_t freeze = 0; freeze < freezes.size(); ++freeze) {
            const auto found = best.find({backbone, static_cast<int>(freeze)});
            if (found == best.end()) continue;
            const auto [reached, count] = found->second;
            row[freeze] = {std::isfinite(reached) ? (reached - low) / std::max(high - low, 1e-9) : 0, percent(reached),
                           fmt::format("of {}", count), false};
        }
    }
    return map;
}

std::optional<WinnerImages> winner_images(const ReportData& data) {
    if (!data.winner()) return {};
    const std::string& trial = data.winning_trial().id;
    if (const auto* predicted = data.test.of(trial)) return WinnerImages{"test", &data.test.images, predicted};
    const auto* predicted = data.validation.of(trial);
    if (!predicted || predicted->empty()) return {};
    return WinnerImages{"validation", &data.validation.images, predicted};
}

std::optional<WinnerScores> winner_scores(const ReportData& data) {
    constexpr std::size_t kMostClasses = 40;
    const auto winner = winner_images(data);
    if (!winner) return {};
    const std::vector<std::string>& classes = data.sweep.classes;
    WinnerScores scores{
        .table = class_scores_table(classes, scores_of(classes.size(), *winner->images, *winner->predicted))};
    auto& rows = scores.table.rows;
    if (classes.size() <= kMostClasses) return scores;
    const auto f1 = [](const std::vector<Cell>& row) {  // none where a class is neither there nor predicted
        const auto* score = std::get_if<double>(&row.back());
        return score ? *score : 2;
    };
    std::stable_sort(rows.begin(), rows.end() - 1, [&](const auto& a, const auto& b) { return f1(a) < f1(b); });
    scores.left_out = classes.size() - kMostClasses;
    rows.erase(rows.begin() + kMostClasses, rows.end() - 1);
    return scores;
}

std::optional<HeatMap> confusion_map(const ReportData& data) {
    const auto images = winner_images(data);
    const std::size_t classes = data.sweep.classes.size();
    if (!images || classes > kMostConfusedClasses || images->images->size() < classes) return {};
    const Confusion confusion = confusion_of(*images->images, *images->predicted);
    HeatMap map{.name = "confusion",
                .title = fmt::format("True class (rows) and predicted class (columns) of {} {} images",
                                     images->images->size(), images->part),
                .row_name = "true",
                .column_name = "predicted",
                .rows = data.sweep.classes,
                .columns = data.sweep.classes,
                .cells = std::vector<std::vector<HeatMap::Cell>>(classes, std::vector<HeatMap::Cell>(classes))};
    std::vector<int> totals(classes);
    for (const auto& [pair, count] : confusion)
        if (const auto label = static_cast<std::size_t>(pair.first); label < classes) totals[label] += count;
    for (std::size_t label = 0; label < classes; ++label)
        for (std::size_t other = 0; other < classes; ++other) {
            const auto found = confusion.find({static_cast<int>(label), static_cast<int>(other)});
            if (found == confusion.end()) continue;
            map.cells[label][other] = {static_cast<double>(found->second) / totals[label],
                                       fmt::format("{}", found->second), "", label != other};
        }
    return map;
}

}  // namespace thaw
