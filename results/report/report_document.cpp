#include "results/report/report_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/util/text.hpp"
#include "results/report/report_sections.hpp"

namespace thaw {
namespace {

struct SectionRow {
    const char *id, *link, *title;
    Blocks (*blocks)(const ReportData&);
};

/// All sections, in the order of the page.
constexpr std::array<SectionRow, 10> kSections = {
    {{"axes", "What changes accuracy", "Problem One: what changes accuracy", problem_one_section},
     {"backbones", "Which backbone", "Problem Two: which backbone", problem_two_section},
     {"curves", "Learning curves", "Learning curves", curves_section},
     {"time", "Accuracy and time", "Accuracy and time", time_section},
     {"images", "What is taken for what", "What is taken for what", images_section},
     {"leaderboard", "Leaderboard", "Leaderboard", leaderboard_section},
     {"stopped", "Stopped early", "Stopped early", stopped_section},
     {"failed", "Failed", "Failed trials", failures_section},
     {"work", "Work", "Work done and shared", stages_section},
     {"repeat", "To repeat it", "To repeat it", origin_section}}};

Text answer_of(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    if (board.trials.empty()) return board.total() == 0 ? "There are no trials yet" : "No trial has finished yet";
    const Headline headline = headline_of(data);
    Text text = backbone_text(headline.trial->axes);
    text.runs.insert(text.runs.end(),
                     {{" reaches "}, {headline.value, Mark::strong}, {fmt::format(" {}", headline.measure)}});
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
        return fmt::format("The sweep is running ({}); what follows is what is known so far.", *data.writer);
    if (data.outcome == "ok" || data.sweep.name.empty()) return "";
    return "The sweep was interrupted; the same command again goes on where it stopped.";
}

Blocks lead_of(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    Blocks blocks = {winner_facts(data)};
    if (const std::string status = status_text(data); !status.empty()) blocks.push_back(Paragraph{status, "status"});
    blocks.push_back(Facts{facts_of(data)});
    blocks.push_back(Paragraph{progress_text(board) + "."});
    if (board.any && !board.constant.empty())
        blocks.push_back(Paragraph{"All with: " + describe(*board.any, board.constant) + "."});
    return blocks;
}

}  // namespace

Text backbone_text(const AxisValues& values) {
    Text text = axis_text(values, kBackboneAxis);
    if (has_random_weights(values)) text.runs.push_back({"random weights", Mark::tag});
    if (has_bf16(values)) text.runs.push_back({"bf16", Mark::tag});
    return text;
}

Document report_document(const ReportData& data) {
    Document document{data.sweep.name, answer_of(data), lead_of(data), {}, configuration_tips(data)};
    for (const auto& [id, link, title, blocks] : kSections)
        if (Blocks filled = blocks(data); !filled.empty())
            document.sections.push_back({id, link, title, std::move(filled)});
    return document;
}

std::vector<std::pair<std::string, std::string>> figure_files(const Document& document) {
    std::vector<std::pair<std::string, std::string>> files;
    for (const Section& section : document.sections)
        for (const Block& block : section.blocks) {
            if (const auto* drawn = std::get_if<Figures>(&block))
                for (const Figure& figure : drawn->figures) files.emplace_back(figure.name, standalone_svg(figure.svg));
            if (const auto* map = std::get_if<HeatMap>(&block))
                files.emplace_back(map->name, standalone_svg(heat_chart(*map)));
        }
    return files;
}

}  // namespace thaw
