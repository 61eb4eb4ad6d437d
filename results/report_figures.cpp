// The report's section of charts: which ones a sweep's data gives.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "common/text.hpp"
#include "results/report_charts.hpp"
#include "results/report_pages.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostStrips = 30;
constexpr std::size_t kMostMeans = 12;  // more values than this are a random search: no mean for each

std::string figure(const std::string& heading, const std::string& content) {
    return fmt::format("<figure><h3>{}</h3>{}</figure>\n", escape_html(heading), content);
}

std::string curves(const ReportData& data) {
    std::vector<double> accuracies, losses;
    int last_epoch = 1;
    for (const auto& curve : data.curves) {
        for (const EpochRecord& epoch : curve) {
            accuracies.insert(accuracies.end(), {epoch.train_accuracy, epoch.validation_accuracy});
            losses.insert(losses.end(), {epoch.train_loss, epoch.validation_loss});
            last_epoch = std::max(last_epoch, epoch.epoch);
        }
    }
    std::string figures;
    for (std::size_t i = 0; i < data.curves.size(); ++i) {
        const RankedTrial& trial = data.leaderboard.trials[i];
        std::string caption = describe(trial.axes, data.leaderboard.varying);
        if (has_random_weights(trial.axes)) caption += " (random weights)";
        figures +=
            fmt::format("<figure><h3>{}. {}</h3>{}{}<figcaption>{}</figcaption></figure>\n", trial.rank,
                        percent(trial.validation_accuracy),
                        curve_chart(data.curves[i], Curve::accuracy, span_of(accuracies), last_epoch),
                        curve_chart(data.curves[i], Curve::loss, span_of(losses), last_epoch), escape_html(caption));
    }
    return fmt::format(
        "<section><h2>Learning curves</h2>\n<p class=\"quiet\">The best {}: accuracy above, loss below, by epoch; all "
        "on the "
        "same scales.</p>\n<div class=\"curves\">\n{}</div></section>\n",
        counted(static_cast<std::int64_t>(data.curves.size()), "trial"), figures);
}

/// The trials' dots by their value on one axis, in the values' natural order.
struct AxisPoints {
    std::vector<std::pair<Cell, std::vector<Dot>>> by_value;
    bool all_positive_numbers = true;
};

double number_of(const Cell& cell) {
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*integer);
    const auto* real = std::get_if<double>(&cell);
    return real ? *real : std::nan("");
}

AxisPoints points_of(const Leaderboard& leaderboard, std::size_t axis) {
    AxisPoints points;
    std::map<Cell, std::vector<Dot>> sorted;
    for (const RankedTrial& trial : leaderboard.trials) {
        const double x = number_of(trial.axes[axis]);
        points.all_positive_numbers &= x > 0;
        // Here trials with and without pretrained weights are never one group.
        const Cell value = axis == kBackboneAxis ? Cell(backbone_label(trial.axes)) : trial.axes[axis];
        sorted[value].push_back({.x = x,
                                 .accuracy = trial.validation_accuracy,
                                 .random = has_random_weights(trial.axes),
                                 .best = trial.rank == 1});
    }
    points.by_value.assign(sorted.begin(), sorted.end());
    if (axis != kFreezeAxis) return points;
    const std::vector<std::string> freezes = freezes_by_depth(leaderboard);
    const auto depth = [&](const auto& group) {
        return std::find(freezes.begin(), freezes.end(), cell_text(group.first, "freeze")) - freezes.begin();
    };
    std::stable_sort(points.by_value.begin(), points.by_value.end(),
                     [&](const auto& a, const auto& b) { return depth(a) < depth(b); });
    return points;
}

std::string strips_of(const AxisPoints& points, std::size_t axis, const std::string& title, Span accuracy) {
    std::vector<Strip> strips;
    for (const auto& [value, dots] : points.by_value) {
        const auto* text = std::get_if<std::string>(&value);
        strips.push_back({text ? *text : cell_text(value, kAxes[axis].column), dots});
    }
    const bool too_many = strips.size() > kMostStrips;
    if (too_many) {
        const auto better = [](const Strip& a, const Strip& b) { return a.mean() > b.mean(); };
        std::stable_sort(strips.begin(), strips.end(), better);
        strips.resize(kMostStrips);
    }
    return strip_chart(title, strips, accuracy) +
           (too_many
                ? fmt::format("<figcaption>The best {} of {} values.</figcaption>", kMostStrips, points.by_value.size())
                : "");
}

std::string axis_figure(const Leaderboard& leaderboard, std::size_t axis, Span accuracy) {
    const AxisPoints points = points_of(leaderboard, axis);
    if (points.by_value.size() < 2) return "";
    const std::string title = fmt::format("validation accuracy by {}", kAxes[axis].label);
    if (axis != kLearningRateAxis || !points.all_positive_numbers)
        return figure(kAxes[axis].label, strips_of(points, axis, title, accuracy));
    std::vector<Dot> dots, means;
    for (const auto& [value, of_value] : points.by_value) {
        dots.insert(dots.end(), of_value.begin(), of_value.end());
        if (points.by_value.size() <= kMostMeans)
            means.push_back({.x = number_of(value), .accuracy = Strip{"", of_value}.mean()});
    }
    return figure(kAxes[axis].label, scatter_chart(title, dots, means, accuracy));
}

std::string axes(const ReportData& data) {
    std::vector<double> accuracies;
    bool some_random = false;
    for (const RankedTrial& trial : data.leaderboard.trials) {
        accuracies.push_back(trial.validation_accuracy);
        some_random |= has_random_weights(trial.axes);
    }
    std::string figures;
    for (const std::size_t axis : data.leaderboard.varying)
        figures += axis_figure(data.leaderboard, axis, span_of(accuracies));
    if (figures.empty()) return "";
    return fmt::format(
        "<section><h2>What made the difference</h2>\n<p class=\"quiet\">Validation accuracy after the last epoch. Each "
        "dot is "
        "a trial{}; the large one is the best.</p>\n<div class=\"charts\">\n{}</div></section>\n",
        some_random ? ", hollow ones have random weights" : "", figures);
}

}  // namespace

std::string charts_section(const ReportData& data) {
    return data.leaderboard.trials.empty() ? "" : curves(data) + axes(data);
}

}  // namespace thaw
