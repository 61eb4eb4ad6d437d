// The HTML page: the answer first, then what stands behind it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "common/text.hpp"
#include "results/embedded.hpp"
#include "results/report_pages.hpp"

namespace thaw {
namespace {

constexpr std::size_t kLeaders = 25;

std::string quiet(const std::string& text, const char* style = "quiet") {
    return text.empty() ? "" : fmt::format("<p class=\"{}\">{}</p>\n", style, escape_html(text));
}

std::string definitions(const AxisValues& values, const std::vector<std::size_t>& axes) {
    std::string list;
    for (const std::size_t axis : axes)
        list +=
            fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", kAxes[axis].label, escape_html(axis_text(values, axis)));
    return list.empty() ? "" : "<dl>" + list + "</dl>\n";
}

std::string answer(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    if (board.trials.empty())
        return fmt::format("<h1>{}</h1>\n",
                           board.total() == 0 ? "There are no trials yet" : "No trial has finished yet");
    const RankedTrial& best = board.trials.front();
    return fmt::format("<h1>{} reaches <b>{}</b> validation accuracy</h1>\n", html_backbone(best.axes),
                       percent(best.validation_accuracy)) +
           definitions(best.axes, board.varying);
}

std::string page_header(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    std::string text = fmt::format("<header>\n<p class=\"over\">{}</p>\n", escape_html("thaw · " + data.sweep.name));
    text += answer(data);
    text += quiet(status_text(data), "status");
    text += quiet(certainty_text(data));
    text += quiet(progress_text(board) + ".");
    if (board.any && !board.constant.empty()) text += quiet("All with: " + describe(*board.any, board.constant) + ".");
    return text + "</header>\n";
}

std::string leaderboard_section(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    if (board.trials.empty()) return "";
    std::vector<std::string> headings = {">rank", ">validation accuracy", "backbone"};
    std::vector<std::size_t> axes = board.varying;
    std::erase(axes, kBackboneAxis);
    const auto is_number = [&](std::size_t axis) {
        return !std::holds_alternative<std::string>(board.trials[0].axes[axis]);
    };
    for (const std::size_t axis : axes) headings.push_back(std::string(is_number(axis) ? ">" : "") + kAxes[axis].label);
    for (const char* heading : {">best (epoch)", ">train accuracy", ">loss", ">time", "trial"})
        headings.emplace_back(heading);
    std::string rows;
    const std::size_t shown = std::min(kLeaders, board.trials.size());
    for (std::size_t i = 0; i < shown; ++i) {
        const RankedTrial& trial = board.trials[i];
        rows += "<tr>" + html_number(fmt::format("{}", trial.rank)) +
                html_number(percent(trial.validation_accuracy), trial.validation_accuracy) +
                fmt::format("<td>{}</td>", html_backbone(trial.axes));
        for (const std::size_t axis : axes)
            rows += is_number(axis) ? html_number(axis_text(trial.axes, axis)) : html_cell(axis_text(trial.axes, axis));
        rows += html_number(fmt::format("{} ({})", percent(trial.best_validation_accuracy), trial.best_epoch),
                            trial.best_validation_accuracy) +
                html_number(percent(trial.train_accuracy), trial.train_accuracy) +
                html_number(decimals(trial.validation_loss, 4)) +
                html_number(human_seconds(trial.seconds), trial.seconds) +
                fmt::format("<td><code>{}</code></td></tr>\n", escape_html(trial.id));
    }
    return "<section><h2>Leaderboard</h2>\n" +
           quiet(fmt::format("{}ranked by validation accuracy after the last epoch, then by the lower loss. Best: the "
                             "highest validation accuracy of any epoch.",
                             shown < board.trials.size()
                                 ? fmt::format("The best {} of {} finished trials, ", shown, board.trials.size())
                                 : "All finished trials, ")) +
           html_table(headings, rows, true) + "</section>\n";
}

std::string backbones_section(const ReportData& data) {
    const Table& table = data.backbones;
    if (table.rows.size() < 2) return "";
    std::string rows;
    for (const auto& row : table.rows) {
        const auto cell = [&](std::size_t column) { return cell_text(row[column], table.columns[column]); };
        const auto accuracy = [&](std::size_t column) {
            const auto* value = std::get_if<double>(&row[column]);
            return html_number(percent(value ? *value : std::nan("")));
        };
        const auto* seconds = std::get_if<double>(&row[6]);
        rows += fmt::format("<tr><td>{}</td>", html_backbone(cell(0), cell(1))) + html_cell(cell(1)) +
                html_number(cell(2)) + accuracy(3) + accuracy(4) +
                html_number(human_seconds(seconds ? *seconds : std::nan(""))) +
                fmt::format("<td><code>{}</code></td></tr>\n", escape_html(cell(5)));
    }
    return "<section><h2>Backbones</h2>\n" +
           html_table({"backbone", "weights", ">trials", ">best validation accuracy", ">mean", ">time per epoch",
                       "best trial"},
                      rows) +
           "</section>\n";
}

/// The trials with one backbone and freeze.
struct HeatCell {
    double best = std::nan("");
    int trials = 0;
};

std::string heat_cell(const HeatCell& cell, double low, double high) {
    if (cell.trials == 0) return "<td></td>";
    const double heat = std::isfinite(cell.best) ? 0.04 + 0.42 * (cell.best - low) / std::max(high - low, 1e-9) : 0;
    return fmt::format("<td class=\"cell\" style=\"--heat:{:.2f}\">{}<small>{}</small></td>", heat, percent(cell.best),
                       counted(cell.trials, "trial"));
}

std::string heat_section(const ReportData& data) {
    const std::vector<RankedTrial>& trials = data.leaderboard.trials;
    const std::vector<std::string> freezes = freezes_by_depth(data.leaderboard);
    std::map<std::string, std::map<std::string, HeatCell>> grid;
    std::vector<std::string> backbones;  // the best first
    double low = 1, high = 0;
    for (const RankedTrial& trial : trials) {
        const std::string backbone = backbone_label(trial.axes);
        if (!grid.contains(backbone)) backbones.push_back(backbone);
        HeatCell& cell = grid[backbone][axis_text(trial.axes, kFreezeAxis)];
        if (cell.trials++ > 0 || !std::isfinite(trial.validation_accuracy)) continue;  // the first is the best
        cell.best = trial.validation_accuracy;
        low = std::min(low, cell.best);
        high = std::max(high, cell.best);
    }
    if (freezes.size() < 2 || backbones.size() < 2) return "";
    std::string head = "<th></th>", rows;
    for (const std::string& freeze : freezes) head += fmt::format("<th class=\"number\">{}</th>", escape_html(freeze));
    for (const std::string& backbone : backbones) {
        rows += fmt::format("<tr><td>{}</td>", escape_html(backbone));
        for (const std::string& freeze : freezes) rows += heat_cell(grid[backbone][freeze], low, high);
        rows += "</tr>\n";
    }
    return "<section><h2>Freeze and backbone</h2>\n" +
           quiet("The best validation accuracy with each pair; from left to right more layers are frozen.") +
           fmt::format(
               "<div class=\"scroll\"><table class=\"heat\"><thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table>"
               "</div></section>\n",
               head, rows);
}

}  // namespace

std::string html_table(const std::vector<std::string>& headings, const std::string& rows, bool sortable) {
    std::string head;
    for (const std::string& heading : headings) {
        const bool number = heading.starts_with('>');
        head += fmt::format("<th{}>{}</th>", number ? " class=\"number\"" : "",
                            escape_html(heading.substr(number ? 1 : 0)));
    }
    return fmt::format("<div class=\"scroll\"><table{}><thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
                       sortable ? " class=\"sortable\"" : "", head, rows);
}

std::string html_cell(const std::string& text) {
    return fmt::format("<td>{}</td>", escape_html(text));
}

std::string html_number(const std::string& text) {
    return fmt::format("<td class=\"number\">{}</td>", escape_html(text));
}

std::string html_number(const std::string& text, double key) {
    return std::isfinite(key) ? fmt::format("<td class=\"number\" data-key=\"{:.6g}\">{}</td>", key, escape_html(text))
                              : html_number(text);
}

std::string html_backbone(const std::string& backbone, const std::string& weights) {
    return escape_html(backbone) + (weights == "random" ? "<span class=\"tag\">random weights</span>" : "");
}

std::string html_backbone(const AxisValues& values) {
    return html_backbone(axis_text(values, kBackboneAxis), axis_text(values, kWeightsAxis)) +
           (has_bf16(values) ? "<span class=\"tag\">bf16</span>" : "");
}

std::string report_html(const ReportData& data) {
    const std::string title = escape_html(data.sweep.name + " – thaw");
    return fmt::format(
               "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
               title, kReportCss) +
           page_header(data) + leaderboard_section(data) + charts_section(data) + backbones_section(data) +
           heat_section(data) + stopped_section(data) + failures_section(data) + stages_section(data) +
           origin_section(data) + fmt::format("<script>\n{}</script>\n</body>\n</html>\n", kReportJs);
}

}  // namespace thaw
