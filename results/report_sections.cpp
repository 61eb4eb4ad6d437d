// The page's sections on Problem One and Two, and its charts.
#include <fmt/format.h>

#include <cmath>

#include "common/text.hpp"
#include "results/report_figures.hpp"
#include "results/report_pages.hpp"
#include "results/report_sentences.hpp"

namespace thaw {
namespace {

std::string figure(const Figure& figure) {
    const std::string heading = figure.heading.empty() ? "" : fmt::format("<h3>{}</h3>\n", escape_html(figure.heading));
    const std::string caption =
        figure.caption.empty() ? "" : fmt::format("<figcaption>{}</figcaption>", escape_html(figure.caption));
    return fmt::format("<figure>{}{}{}</figure>\n", heading, figure.svg, caption);
}

std::string effects(const std::vector<Fact>& paragraphs) {
    std::string list;
    for (const Fact& paragraph : paragraphs)
        list += fmt::format("<dt>{}</dt><dd>{}</dd>\n", paragraph.name, escape_html(paragraph.text));
    return list.empty() ? "" : "<dl class=\"facts\">\n" + list + "</dl>\n";
}

std::string backbone_rows(const std::vector<RankedBackbone>& rows, const ReportData& data) {
    std::string text;
    for (const RankedBackbone& row : rows) {
        const Configuration& configuration = *row.configuration;
        const auto unless_0 = [](double value, const std::string& shown) {
            return value > 0 ? html_number(shown, value) : html_number("–");
        };
        text += fmt::format("<tr><td>{}</td>", html_backbone(row.trial->axes)) +
                html_number(percent(configuration.accuracy.mean), configuration.accuracy.mean) +
                html_number(interval_text(row.accuracy)) + html_cell(row.verdict) +
                unless_0(static_cast<double>(row.cost.parameters), thousands(row.cost.parameters)) +
                unless_0(row.cost.flops, fmt::format("{:.2f}", row.cost.flops / 1e9)) +
                unless_0(row.cost.frozen_seconds, short_time(row.cost.frozen_seconds)) +
                unless_0(row.seconds_per_step, short_time(row.seconds_per_step)) +
                fmt::format("<td class=\"wide\">{}</td></tr>\n",
                            escape_html(configuration_text(data, configuration, false)));
    }
    return text;
}

}  // namespace

std::string problem_one_section(const ReportData& data) {
    if (data.analysis.effects.empty()) return "";
    std::string figures;
    for (const Figure& chart : axis_figures(data)) figures += figure(chart);
    const std::string dots = fmt::format(
        "Each dot is a configuration{}{}; the large one is the best.",
        data.analysis.seeds.size() > 1 ? ", the mean of its seeds" : "",
        has_random_weights(data.leaderboard.trials.front().axes) || figures.find("\"dot random\"") != std::string::npos
            ? ", hollow ones have random weights"
            : "");
    const std::vector<Fact> paragraphs = problem_one(data);
    return "<section id=\"axes\"><h2>Problem One: what changes accuracy</h2>\n" +
           (paragraphs.empty() ? "" : html_paragraph(problem_one_note(data), "quiet") + effects(paragraphs)) +
           html_paragraph(dots, "quiet") + "<div class=\"charts\">\n" + figures + "</div></section>\n";
}

std::string problem_two_section(const ReportData& data) {
    const std::vector<RankedBackbone> rows = problem_two_rows(data);
    std::string text;
    if (rows.size() > 1) {
        for (const std::string& sentence : problem_two(data)) text += html_paragraph(sentence, "wide");
        text += html_table({"backbone", ">validation accuracy", ">95 % interval", "against the best", ">parameters",
                            ">GFLOP a photo", ">frozen layers, a photo", ">training step", "its best configuration"},
                           backbone_rows(rows, data), "Backbones, each at its best");
        text += html_paragraph(
            "Times are measured: one photo through the frozen layers, one step of the best configuration (a head on "
            "features that are there already is quick; where layers are trained, a step has them, too).",
            "quiet");
    }
    if (const auto map = freeze_map(data)) text += "<h3>Freeze and backbone</h3>\n" + heat_table(*map);
    return text.empty() ? ""
                        : "<section id=\"backbones\"><h2>Problem Two: which backbone</h2>\n" + text + "</section>\n";
}

std::string curves_section(const ReportData& data) {
    if (data.curves.empty()) return "";
    const std::vector<Figure> figures = curve_figures(data);
    std::string pairs;
    for (std::size_t i = 0; i + 1 < figures.size(); i += 2)
        pairs += "<div>\n" + figure(figures[i]) + figure(figures[i + 1]) + "</div>\n";
    return "<section id=\"curves\"><h2>Learning curves</h2>\n" +
           html_paragraph(
               "The winner, the best of every other backbone, then the next best: accuracy above, loss below, "
               "by epoch, all on the same scales. Training thin, validation thick; a broken line where "
               "validation loss turned, and over-fitting begins.",
               "quiet") +
           "<div class=\"curves\">\n" + pairs + "</div></section>\n";
}

std::string time_section(const ReportData& data) {
    std::string text;
    if (const auto time = time_figure(data)) text += figure(*time);
    if (const auto parallel = parallel_figure(data))
        text += "<h3>All axes at once</h3>\n" +
                html_paragraph("One line a configuration, the better the stronger; the winner's is the thick one.",
                               "quiet") +
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"All axes at once\">" +
                figure(*parallel) + "</div>\n";
    return text.empty() ? "" : "<section id=\"time\"><h2>Accuracy and time</h2>\n" + text + "</section>\n";
}

}  // namespace thaw
