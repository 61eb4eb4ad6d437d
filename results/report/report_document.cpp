#include "results/report/report_document.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "common/util/text.hpp"
#include "results/report/report_sections.hpp"

namespace thaw {
namespace {

struct SectionRow {
    const char *id, *title;
    Blocks (*blocks)(const ReportData&);
};

/// All sections, in the order of the page.
constexpr std::array<SectionRow, 10> kSections = {{{"axes", "Hyperparameter effects", effects_section},
                                                   {"backbones", "Backbone comparison", backbones_section},
                                                   {"curves", "Learning curves", curves_section},
                                                   {"time", "Accuracy and training time", time_section},
                                                   {"images", "Classification errors", images_section},
                                                   {"leaderboard", "Leaderboard", leaderboard_section},
                                                   {"pruned", "Pruned trials", pruned_section},
                                                   {"failed", "Failed trials", failures_section},
                                                   {"work", "Compute and reuse", stages_section},
                                                   {"repeat", "Reproducibility", origin_section}}};

Text answer_of(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    if (board.trials.empty()) return board.total() == 0 ? "There are no trials yet" : "No trial has finished yet";
    const Headline headline = headline_of(data);
    Text text = backbone_text(headline.trial->axes);
    text.runs.insert(
        text.runs.end(),
        {{" reaches "}, {headline.value, Mark::strong}, {fmt::format(" {} ({})", headline.measure, headline.of)}});
    return text;
}

/// The winner's values on the axes that vary.
Facts winner_facts(const ReportData& data) {
    Facts facts{.facts = {}, .in_a_row = true};
    if (data.leaderboard.trials.empty()) return facts;
    const AxisValues& values = headline_of(data).trial->axes;
    for (const std::size_t axis : data.leaderboard.varying)
        if (!is_averaged(axis)) facts.facts.push_back({kAxes[axis].label, axis_text(values, axis)});
    return facts;
}

/// "The sweep is running (process 1 on host); ...", or nothing for one that ended well.
std::string status_text(const ReportData& data) {
    if (data.writer)
        return fmt::format("The sweep is running ({}). This report covers the trials that have finished so far.",
                           *data.writer);
    if (data.sweep.name.empty()) return "";
    return outcome_text(data.outcome.value_or(RunOutcome::killed), data.message);
}

/// "128 trials: 117 finished, 3 pruned, 8 waiting."
std::string states_text(const Leaderboard& board) {
    std::vector<std::string> parts;
    for (const auto& [count, state] :
         {std::pair(board.finished, "finished"), std::pair(board.stopped, "pruned"), std::pair(board.failed, "failed"),
          std::pair(board.running, "running"), std::pair(board.waiting, "waiting")})
        if (count > 0) parts.push_back(fmt::format("{} {}", count, state));
    return fmt::format("{}{}{}.", counted(board.total(), "trial"), parts.empty() ? "" : ": ", fmt::join(parts, ", "));
}

Blocks lead_of(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    Blocks blocks = {winner_facts(data)};
    if (const std::string status = status_text(data); !status.empty()) blocks.push_back(Paragraph{status, "status"});
    blocks.push_back(Facts{facts_of(data)});
    for (const std::string& finding : data.sweep.findings) blocks.push_back(Paragraph{"Data: " + finding, "status"});
    blocks.push_back(Paragraph{states_text(board)});
    if (board.any && !board.constant.empty())
        blocks.push_back(Paragraph{"All trials: " + describe(*board.any, board.constant) + "."});
    return blocks;
}

}  // namespace

Text backbone_text(const AxisValues& values) {
    Text text = axis_text(values, kBackboneAxis);
    if (has_random_weights(values)) text.runs.push_back({"random weights", Mark::tag});
    if (has_bf16(values)) text.runs.push_back({"bf16", Mark::tag});
    return text;
}

std::string first_rows_text(std::size_t shown, std::size_t all) {
    return fmt::format("First {} of {} rows", shown, all);
}

Document report_document(const ReportData& data) {
    Document document{data.sweep.name, answer_of(data), lead_of(data), {}, configuration_tips(data)};
    for (const auto& [id, title, blocks] : kSections)
        if (Blocks filled = blocks(data); !filled.empty()) document.sections.push_back({id, title, std::move(filled)});
    return document;
}

std::vector<std::pair<std::string, std::string>> figure_files(const Document& document) {
    std::vector<std::pair<std::string, std::string>> files;
    for (const Section& section : document.sections)
        for (const Block& block : section.blocks) {
            if (const auto* drawn = std::get_if<Figures>(&block))
                for (const Figure& figure : drawn->figures)
                    files.emplace_back(figure.name, standalone_svg(figure.svg, figure.note));
            if (const auto* map = std::get_if<HeatMap>(&block))
                files.emplace_back(map->name, standalone_svg(heat_chart(*map), ""));
        }
    return files;
}

}  // namespace thaw
