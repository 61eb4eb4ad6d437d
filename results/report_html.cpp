// The HTML page: the answer first, then what stands behind it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/text.hpp"
#include "results/embedded.hpp"
#include "results/report_figures.hpp"
#include "results/report_pages.hpp"
#include "results/report_sentences.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostRowsOfPage = 200;
// Nothing is ever loaded; what the page itself has may run and be shown.
constexpr const char* kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

std::string definitions(const AxisValues& values, std::vector<std::size_t> axes) {
    std::string list;
    std::erase_if(axes, is_averaged);
    for (const std::size_t axis : axes)
        list +=
            fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", kAxes[axis].label, escape_html(axis_text(values, axis)));
    return list.empty() ? "" : "<dl>" + list + "</dl>\n";
}

std::string answer_html(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    if (board.trials.empty())
        return fmt::format("<h1>{}</h1>\n",
                           board.total() == 0 ? "There are no trials yet" : "No trial has finished yet");
    const Headline headline = headline_of(data);
    return fmt::format("<h1>{} reaches <b>{}</b> {}</h1>\n", html_backbone(headline.trial->axes), headline.value,
                       headline.measure) +
           definitions(headline.trial->axes, board.varying);
}

std::string facts(const ReportData& data) {
    std::string list;
    for (const auto& [name, text, code] : facts_of(data))
        list += fmt::format("<dt>{}</dt><dd>{}{}{}</dd>\n", name, code ? "<code>" : "", escape_html(text),
                            code ? "</code>" : "");
    return list.empty() ? "" : "<dl class=\"facts\">\n" + list + "</dl>\n";
}

std::string page_header(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    std::string text = fmt::format("<header>\n<p class=\"over\">{}</p>\n", escape_html("thaw · " + data.sweep.name));
    text += answer_html(data);
    text += html_paragraph(status_text(data), "status");
    text += facts(data);
    text += html_paragraph(progress_text(board) + ".", "quiet");
    if (board.any && !board.constant.empty())
        text += html_paragraph("All with: " + describe(*board.any, board.constant) + ".", "quiet");
    return text + "</header>\n";
}

/// Of its one trial, or how many seeds and by how much they differ.
std::string seeds_text(const Configuration& configuration) {
    const Mean& accuracy = configuration.accuracy;
    std::string text = fmt::format("{}", accuracy.count);
    if (accuracy.count > 1) text += fmt::format(" (± {:.2f})", 100 * accuracy.deviation);
    if (configuration.diverged > 0) text += fmt::format(", {} diverged", configuration.diverged);
    return text;
}

std::string leaderboard_row(const ReportData& data, std::size_t i, const std::vector<std::size_t>& axes) {
    const Configuration& configuration = data.analysis.configurations[i];
    const RankedTrial& trial = data.first_trial(configuration);
    std::string row = "<tr>" + html_number(fmt::format("{}", i + 1)) +
                      html_number(percent(configuration.accuracy.mean), configuration.accuracy.mean) +
                      html_number(interval_text(accuracy_interval(data, configuration))) +
                      html_number(seeds_text(configuration), configuration.accuracy.count) +
                      fmt::format("<td>{}</td>", html_backbone(trial.axes));
    for (const std::size_t axis : axes) {
        const auto level = static_cast<std::size_t>(data.analysis.level_of[i][axis]);
        const double number = data.analysis.levels[axis][level].number;
        const std::string text = axis_text(trial.axes, axis);
        row += std::isfinite(number) ? html_number(text, number) : html_cell(text);
    }
    std::string ranking;
    for (const RankingMetric& metric : ranking_metrics(data.analysis))
        ranking += html_number(decimals(configuration.*metric.value, 4), configuration.*metric.value);
    return row + html_number(percent(configuration.train_accuracy), configuration.train_accuracy) +
           html_number(decimals(configuration.validation_loss, 4), configuration.validation_loss) + ranking +
           html_number(short_time(configuration.seconds), configuration.seconds) +
           fmt::format("<td><code>{}</code></td></tr>\n", escape_html(trial.id));
}

std::string leaderboard_section(const ReportData& data) {
    const Analysis& analysis = data.analysis;
    if (analysis.configurations.empty()) return "";
    std::vector<std::string> headings = {">rank", ">validation accuracy", ">95 % interval", ">seeds", "backbone"};
    std::vector<std::size_t> axes = data.leaderboard.varying;
    std::erase_if(axes, [](std::size_t axis) { return axis == kBackboneAxis || is_averaged(axis); });
    for (const std::size_t axis : axes)
        headings.push_back(std::string(std::isfinite(analysis.levels[axis].front().number) ? ">" : "") +
                           kAxes[axis].label);
    for (const char* heading : {">train accuracy", ">loss"}) headings.emplace_back(heading);
    for (const RankingMetric& metric : ranking_metrics(analysis)) headings.push_back(std::string(">") + metric.label);
    for (const char* heading : {">training", "best trial"}) headings.emplace_back(heading);
    std::string rows;
    const std::size_t shown = std::min(kMostRowsOfPage, analysis.configurations.size());
    for (std::size_t i = 0; i < shown; ++i) rows += leaderboard_row(data, i, axes);
    const std::string which = shown < analysis.configurations.size()
                                  ? fmt::format("The best {} of {} configurations (thaw query has all), ", shown,
                                                analysis.configurations.size())
                                  : "All finished trials, ";
    return "<section id=\"leaderboard\"><h2>Leaderboard</h2>\n" +
           html_paragraph(which +
                              "trials that differ only in their seed as one row; ranked by mean validation accuracy "
                              "after the last epoch, then by the lower loss.",
                          "quiet") +
           html_table(headings, rows, "Leaderboard") + "</section>\n";
}

/// Links to the sections that are there.
std::string contents(const std::string& sections) {
    constexpr std::array<std::pair<const char*, const char*>, 10> kSections = {{{"axes", "What changes accuracy"},
                                                                                {"backbones", "Which backbone"},
                                                                                {"curves", "Learning curves"},
                                                                                {"time", "Accuracy and time"},
                                                                                {"images", "What is taken for what"},
                                                                                {"leaderboard", "Leaderboard"},
                                                                                {"stopped", "Stopped early"},
                                                                                {"failed", "Failed"},
                                                                                {"work", "Work"},
                                                                                {"repeat", "To repeat it"}}};
    std::string links;
    for (const auto& [id, title] : kSections)
        if (sections.find(fmt::format("<section id=\"{}\">", id)) != std::string::npos)
            links += fmt::format("<a href=\"#{}\">{}</a>\n", id, title);
    return "<nav aria-label=\"Sections\">\n" + links + "</nav>\n";
}

/// For scripts, once for all charts.
std::string configurations(const ReportData& data) {
    std::string items;
    for (const std::string& tip : configuration_tips(data)) items += "<li>" + escape_html(clean_text(tip)) + "</li>\n";
    return items.empty() ? "" : "<ol id=\"configurations\" hidden>\n" + items + "</ol>\n";
}

}  // namespace

std::string html_paragraph(const std::string& text, const char* style) {
    return text.empty() ? "" : fmt::format("<p class=\"{}\">{}</p>\n", style, escape_html(text));
}

std::string html_table(const std::vector<std::string>& headings, const std::string& rows, const std::string& caption) {
    std::string head;
    for (const std::string& heading : headings) {
        const bool number = heading.starts_with('>');
        head += fmt::format("<th scope=\"col\"{}>{}</th>", number ? " class=\"number\"" : "",
                            escape_html(heading.substr(number ? 1 : 0)));
    }
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table class=\"sortable\"><caption>{0}"
        "</caption><thead><tr>{1}</tr></thead>\n<tbody>\n{2}</tbody></table></div>\n",
        escape_html(caption), head, rows);
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

std::string report_html(const ReportData& data, const Thumbnail& thumbnail) {
    const std::string sections = problem_one_section(data) + problem_two_section(data) + curves_section(data) +
                                 time_section(data) + images_section(data, thumbnail) + leaderboard_section(data) +
                                 stopped_section(data) + failures_section(data) + stages_section(data) +
                                 origin_section(data);
    return fmt::format(
               "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<title>{}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n",
               kPolicy, escape_html(data.sweep.name + " – thaw"), kReportCss, kFiguresCss) +
           page_header(data) + contents(sections) + "<main>\n" + sections + "</main>\n" + configurations(data) +
           fmt::format("<script>\n{}</script>\n</body>\n</html>\n", kReportJs);
}

}  // namespace thaw
