// What changes accuracy, and which backbone, curves, time; and the leaderboard.
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
    Grid grid{.caption = "Backbones, each at its best",
              .columns = {"backbone", number("validation accuracy"), number("95 % interval"), "against the best",
                          number("parameters"), number("GFLOP a photo"), number("frozen layers, a photo"),
                          number("training step"), wide("its best configuration")},
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
              .columns = {number("rank"), number("validation accuracy"), number("95 % interval"), number("seeds"),
                          "backbone"},
              .rows = {},
              .most_without_scripts = kMostRowsWithoutScripts};
    for (const std::size_t axis : axes)
        grid.columns.emplace_back(kAxes[axis].label, std::isfinite(analysis.levels[axis].front().number)
                                                         ? Grid::Column::Kind::number
                                                         : Grid::Column::Kind::text);
    for (const char* heading : {"train accuracy", "loss"}) grid.columns.push_back(number(heading));
    for (const RankingMetric& metric : ranking_metrics(analysis)) grid.columns.push_back(number(metric.label));
    grid.columns.push_back(number("training"));
    grid.columns.emplace_back("best trial");
    for (std::size_t i = 0; i < std::min(kMostRowsOfPage, analysis.configurations.size()); ++i)
        grid.rows.push_back(leaderboard_row(data, i, axes));
    return grid;
}

}  // namespace

Blocks problem_one_section(const ReportData& data) {
    if (data.analysis.effects.empty()) return {};
    const std::vector<Figure> figures = axis_figures(data);
    const bool hollow = has_random_weights(data.leaderboard.trials.front().axes) ||
                        std::any_of(figures.begin(), figures.end(), [](const Figure& figure) {
                            return figure.svg.find("\"dot random\"") != std::string::npos;
                        });
    Blocks blocks;
    if (const std::vector<Fact> effects = problem_one(data); !effects.empty())
        blocks = {Paragraph{problem_one_note(data)}, Facts{effects}};
    blocks.push_back(Paragraph{fmt::format("Each dot is a configuration{}{}; the large one is the best.",
                                           data.analysis.seeds.size() > 1 ? ", the mean of its seeds" : "",
                                           hollow ? ", hollow ones have random weights" : "")});
    blocks.push_back(Figures{figures, Figures::Layout::grid});
    return blocks;
}

Blocks problem_two_section(const ReportData& data) {
    Blocks blocks;
    if (const std::vector<RankedBackbone> rows = problem_two_rows(data); rows.size() > 1) {
        for (const std::string& sentence : problem_two(data)) blocks.push_back(Paragraph{sentence, "wide"});
        blocks.push_back(backbone_grid(data, rows));
        blocks.push_back(Paragraph{
            "Times are measured: one photo through the frozen layers, one step of the best configuration (a head on "
            "features that are there already is quick; where layers are trained, a step has them, too)."});
    }
    if (const auto map = freeze_map(data)) {
        blocks.push_back(Heading{"Freeze and backbone"});
        blocks.push_back(*map);
    }
    return blocks;
}

Blocks curves_section(const ReportData& data) {
    if (data.curves.empty()) return {};
    return {Paragraph{"The winner, the best of every other backbone, then the next best: accuracy above, loss below, "
                      "by epoch, all on the same scales. Training thin, validation thick; a broken line where "
                      "validation loss turned, and over-fitting begins."},
            Figures{curve_figures(data), Figures::Layout::pairs}};
}

Blocks time_section(const ReportData& data) {
    Blocks blocks;
    if (const auto time = time_figure(data)) blocks.push_back(Figures{{*time}});
    if (const auto parallel = parallel_figure(data)) {
        blocks.push_back(Heading{"All axes at once"});
        blocks.push_back(
            Paragraph{"One line a configuration, the better the stronger; the winner's is the thick one."});
        blocks.push_back(Figures{{*parallel}, Figures::Layout::scroll});
    }
    return blocks;
}

Blocks leaderboard_section(const ReportData& data) {
    const std::size_t count = data.analysis.configurations.size();
    if (count == 0) return {};
    const std::string which =
        count > kMostRowsOfPage
            ? fmt::format("The best {} of {} configurations (thaw query has all), ", kMostRowsOfPage, count)
            : "All finished trials, ";
    return {Paragraph{which + "trials that differ only in their seed as one row; ranked by mean validation accuracy "
                              "after the last epoch, then by the lower loss."},
            leaderboard_grid(data)};
}

}  // namespace thaw
