// Hyperparameter effects, backbones, curves, time; and the leaderboard.
#include "results/report/report_sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/util/text.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostRowsOfPage = 200, kMostRowsWithoutScripts = 25;

/// A number that is 0 where it is not known.
Grid::Cell unless_0(double value, const std::string& shown) {
    return value > 0 ? Grid::Cell(shown, value) : Grid::Cell(std::string("–"));
}

Grid backbone_grid(const ReportData& data, const std::vector<RankedBackbone>& rows) {
    Grid grid{.caption = "The best configuration of each backbone",
              .columns = {"backbone", number("validation accuracy"), number("95 % CI"), "difference",
                          number("parameters"), number("GFLOPs per image"), number("frozen layers, per image"),
                          number("training step"), wide("best configuration")},
              .rows = {}};
    for (const RankedBackbone& row : rows) {
        const Configuration& configuration = *row.configuration;
        grid.rows.push_back({backbone_text(row.trial->axes),
                             {percent(configuration.accuracy.mean), configuration.accuracy.mean},
                             interval_text(row.accuracy),
                             row.verdict,
                             unless_0(static_cast<double>(row.cost.parameters), thousands(row.cost.parameters)),
                             unless_0(row.cost.flops, fmt::format("{:.2f}", row.cost.flops / 1e9)),
                             unless_0(row.cost.frozen_seconds, short_time(row.cost.frozen_seconds)),
                             unless_0(row.seconds_per_step, short_time(row.seconds_per_step)),
                             configuration_text(data, configuration, false)});
    }
    return grid;
}

/// Of its one trial, or how many seeds and by how much they differ.
std::string seeds_text(const Configuration& configuration) {
    const Mean& accuracy = configuration.accuracy;
    std::string text = fmt::format("{}", accuracy.count);
    if (accuracy.count > 1) text += fmt::format(" (± {:.2f})", 100 * accuracy.deviation);
    if (configuration.diverged > 0) text += fmt::format(", {} diverged", configuration.diverged);
    return text;
}

std::vector<Grid::Cell> leaderboard_row(const ReportData& data, std::size_t i, const std::vector<std::size_t>& axes) {
    const Configuration& configuration = data.analysis.configurations[i];
    const RankedTrial& trial = data.first_trial(configuration);
    std::vector<Grid::Cell> row = {fmt::format("{}", i + 1),
                                   {percent(configuration.accuracy.mean), configuration.accuracy.mean},
                                   interval_text(accuracy_interval(data, configuration)),
                                   {seeds_text(configuration), static_cast<double>(configuration.accuracy.count)},
                                   backbone_text(trial.axes)};
    for (const std::size_t axis : axes) {
        const auto level = static_cast<std::size_t>(data.analysis.level_of[i][axis]);
        row.emplace_back(axis_text(trial.axes, axis), data.analysis.levels[axis][level].number);
    }
    row.emplace_back(percent(configuration.train_accuracy), configuration.train_accuracy);
    row.emplace_back(decimals(configuration.validation_loss, 4), configuration.validation_loss);
    for (const RankingMetric& metric : ranking_metrics(data.analysis))
        row.emplace_back(decimals(configuration.*metric.value, 4), configuration.*metric.value);
    row.emplace_back(short_time(configuration.seconds), configuration.seconds);
    row.emplace_back(Text{{trial.id, Mark::code}});
    return row;
}

Grid leaderboard_grid(const ReportData& data) {
    const Analysis& analysis = data.analysis;
    std::vector<std::size_t> axes = data.leaderboard.varying;
    std::erase_if(axes, [](std::size_t axis) { return axis == kBackboneAxis || is_averaged(axis); });
    Grid grid{.caption = "Leaderboard",
              .columns = {number("rank"), number("validation accuracy"), number("95 % CI"), number("seeds (± sd)"),
                          "backbone"},
              .rows = {},
              .most_without_scripts = kMostRowsWithoutScripts,
              .total = analysis.configurations.size()};
    for (const std::size_t axis : axes)
        grid.columns.emplace_back(kAxes[axis].label, std::isfinite(analysis.levels[axis].front().number)
                                                         ? Grid::Column::Kind::number
                                                         : Grid::Column::Kind::text);
    for (const char* heading : {"training accuracy", "validation loss"}) grid.columns.push_back(number(heading));
    for (const RankingMetric& metric : ranking_metrics(analysis)) grid.columns.push_back(number(metric.label));
    grid.columns.push_back(number("training time"));
    grid.columns.emplace_back("best trial");
    for (std::size_t i = 0; i < std::min(kMostRowsOfPage, analysis.configurations.size()); ++i)
        grid.rows.push_back(leaderboard_row(data, i, axes));
    return grid;
}

}  // namespace

Blocks effects_section(const ReportData& data) {
    if (data.analysis.effects.empty()) return {};
    const std::vector<Figure> figures = axis_figures(data);
    const bool hollow = has_random_weights(data.leaderboard.trials.front().axes) ||
                        std::any_of(figures.begin(), figures.end(), [](const Figure& figure) {
                            return figure.svg.find("\"dot random\"") != std::string::npos;
                        });
    Blocks blocks;
    if (const std::vector<Fact> effects = hyperparameter_effects(data); !effects.empty())
        blocks = {Paragraph{effects_note(data)}, Facts{effects}};
    blocks.push_back(Paragraph{fmt::format("Each dot is a configuration{}; the large dot is the best one{}.",
                                           data.analysis.seeds.size() > 1 ? ", the mean of its seeds" : "",
                                           hollow ? "; hollow dots have random weights" : "")});
    blocks.push_back(Figures{figures, Figures::Layout::grid});
    return blocks;
}

Blocks backbones_section(const ReportData& data) {
    Blocks blocks;
    if (const std::vector<RankedBackbone> rows = ranked_backbones(data); rows.size() > 1) {
        for (const std::string& sentence : backbone_comparison(data)) blocks.push_back(Paragraph{sentence, "wide"});
        blocks.push_back(backbone_grid(data, rows));
        blocks.push_back(
            Paragraph{"Times are measured: one image through the frozen layers, and one training step of the best "
                      "configuration. A "
                      "step covers the layers that are trained; the frozen ones run once, before training."});
    }
    if (const auto map = freeze_map(data)) {
        blocks.push_back(Heading{"Accuracy by backbone and frozen depth"});
        blocks.push_back(*map);
    }
    return blocks;
}

Blocks curves_section(const ReportData& data) {
    if (data.curves.empty()) return {};
    const std::size_t count = data.analysis.configurations.size();
    return {
        Paragraph{fmt::format("{} of {}: the best, the best of every other backbone, then the next best, each by its "
                              "best trial. Accuracy above, loss below, all on the same scales. Thin lines are "
                              "training, thick lines validation. A dashed line marks the epoch after which a "
                              "configuration overfits.",
                              data.curves.size(), counted(static_cast<std::int64_t>(count), "configuration"))},
        Figures{curve_figures(data), Figures::Layout::pairs}};
}

Blocks time_section(const ReportData& data) {
    Blocks blocks;
    if (const auto time = time_figure(data)) blocks.push_back(Figures{{*time}});
    if (const auto parallel = parallel_figure(data)) {
        blocks.push_back(Heading{"Parallel coordinates"});
        blocks.push_back(
            Paragraph{"Each line is a configuration; the higher its accuracy, the stronger the line. The thick line is "
                      "the best one."});
        blocks.push_back(Figures{{*parallel}, Figures::Layout::scroll});
    }
    return blocks;
}

Blocks leaderboard_section(const ReportData& data) {
    const std::size_t count = data.analysis.configurations.size();
    if (count == 0) return {};
    const std::string which = count > kMostRowsOfPage
                                  ? fmt::format("The best {} of {} configurations", kMostRowsOfPage, count)
                                  : "All " + counted(static_cast<std::int64_t>(count), "configuration");
    const std::string seeds = data.analysis.seeds.size() > 1 ? ", each the mean of its seeds" : "";
    return {Paragraph{which + seeds + ", ranked by validation accuracy after the last epoch, then by validation loss."},
            leaderboard_grid(data)};
}

}  // namespace thaw
