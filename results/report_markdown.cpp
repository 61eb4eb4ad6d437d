// The Markdown twin of the HTML page: the same answer and tables, without the charts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.hpp"
#include "results/report_pages.hpp"

namespace thaw {
namespace {

constexpr std::size_t kLeaders = 25;

/// A row or, with "---" and "---:", the line under the headings; cells are escaped already.
std::string line(const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += " " + cell + " |";
    return text + "\n";
}

std::string rule(const std::vector<bool>& numbers) {
    std::vector<std::string> cells;
    for (const bool number : numbers) cells.emplace_back(number ? "---:" : "---");
    return line(cells);
}

std::string answer(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    if (board.trials.empty()) return "No trial has finished yet.\n\n";
    const RankedTrial& best = board.trials.front();
    std::vector<std::size_t> others = board.varying;
    std::erase(others, kBackboneAxis);
    const std::string how = describe(best.axes, others);
    return fmt::format("**{} reaches {} validation accuracy**{}.\n\n", escape_markdown(backbone_label(best.axes)),
                       percent(best.validation_accuracy), how.empty() ? "" : " with " + escape_markdown(how));
}

std::string leaders(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    if (board.trials.empty()) return "";
    std::vector<std::string> headings = {"rank", "backbone"};
    std::vector<bool> numbers = {true, false};
    std::vector<std::size_t> axes = board.varying;
    std::erase(axes, kBackboneAxis);
    for (const std::size_t axis : axes) {
        headings.emplace_back(kAxes[axis].label);
        numbers.push_back(!std::holds_alternative<std::string>(board.trials[0].axes[axis]));
    }
    for (const char* heading : {"validation accuracy", "best (epoch)", "train accuracy", "loss", "time"}) {
        headings.emplace_back(heading);
        numbers.push_back(true);
    }
    headings.emplace_back("trial");
    numbers.push_back(false);
    std::string text = "## Leaderboard\n\n" + line(headings) + rule(numbers);
    for (std::size_t i = 0; i < std::min(kLeaders, board.trials.size()); ++i) {
        const RankedTrial& trial = board.trials[i];
        std::vector<std::string> cells = {fmt::format("{}", trial.rank), escape_markdown(backbone_label(trial.axes))};
        for (const std::size_t axis : axes) cells.push_back(escape_markdown(axis_text(trial.axes, axis)));
        cells.push_back(percent(trial.validation_accuracy));
        cells.push_back(fmt::format("{} ({})", percent(trial.best_validation_accuracy), trial.best_epoch));
        cells.push_back(percent(trial.train_accuracy));
        cells.push_back(decimals(trial.validation_loss, 4));
        cells.push_back(human_seconds(trial.seconds));
        cells.push_back(escape_markdown(trial.id));
        text += line(cells);
    }
    return text + "\n";
}

/// A view as it is, with accuracies in percent.
std::string view(const char* title, const Table& table) {
    if (table.rows.empty()) return "";
    std::vector<std::string> headings;
    std::vector<bool> numbers;
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
        std::string heading = table.columns[column];
        std::replace(heading.begin(), heading.end(), '_', ' ');
        headings.push_back(heading);
        numbers.push_back(!std::holds_alternative<std::string>(table.rows[0][column]));
    }
    std::string text = fmt::format("## {}\n\n", title) + line(headings) + rule(numbers);
    for (const auto& row : table.rows) {
        std::vector<std::string> cells;
        for (std::size_t column = 0; column < row.size(); ++column) {
            const auto* real = std::get_if<double>(&row[column]);
            const bool accuracy = real && table.columns[column].find("accuracy") != std::string::npos;
            cells.push_back(accuracy ? percent(*real) : escape_markdown(cell_text(row[column], table.columns[column])));
        }
        text += line(cells);
    }
    return text + "\n";
}

/// The first of a group.
std::string example(const std::vector<NamedTrial>& trials, const ReportData& data) {
    return escape_markdown(
        fmt::format("{}: {}", trials.front().id, describe(trials.front().axes, data.leaderboard.varying)));
}

std::string stopped(const ReportData& data) {
    if (data.stopped.empty()) return "";
    std::string text = "## Stopped early\n\n" + line({"trials", "after epoch", "best accuracy there", "the best"}) +
                       rule({true, true, true, false});
    for (const StoppedGroup& group : data.stopped)
        text += line({fmt::format("{}", group.trials.size()), fmt::format("{}", group.epoch),
                      percent(group.trials.front().validation_accuracy), example(group.trials, data)});
    return text + "\n";
}

std::string run_totals(const ReportData& data) {
    if (data.run_totals.empty()) return "";
    std::string text = "## Predicted and measured\n\nEach run from its first stage's start to its last one's end.\n\n";
    for (const RunTotal& total : data.run_totals)
        text += fmt::format("- {}: {}\n", escape_markdown(total.started), run_total_text(total));
    return text + "\n";
}

std::string failures(const ReportData& data) {
    if (data.failures.empty()) return "";
    std::string text = "## Failed trials\n\n" + line({"trials", "message", "for example"}) + rule({true, false, false});
    for (const FailureGroup& group : data.failures)
        text +=
            line({fmt::format("{}", group.trials.size()), escape_markdown(group.message), example(group.trials, data)});
    return text + "\n";
}

}  // namespace

std::string report_markdown(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    std::string text = fmt::format("# {}\n\n", escape_markdown(data.sweep.name)) + answer(data);
    for (const std::string& paragraph : {status_text(data), certainty_text(data), progress_text(board) + "."})
        if (!paragraph.empty()) text += escape_markdown(paragraph) + "\n\n";
    if (board.any && !board.constant.empty())
        text += fmt::format("All with: {}.\n\n", escape_markdown(describe(*board.any, board.constant)));
    text += leaders(data) + view("Backbones", data.backbones) + view("Axes", data.axis_effects) + stopped(data) +
            failures(data) + run_totals(data);
    return text + fmt::format("Made {} by thaw.\n", data.made);
}

}  // namespace thaw
