// Charts of many values at once: heat maps, parallel coordinates.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "common/util/text.hpp"
#include "results/report/report_charts.hpp"

namespace thaw {
namespace {

constexpr std::size_t kLongestLabel = 24;

double width_of(const std::vector<std::string>& labels) {
    std::size_t longest = 3;
    for (const std::string& label : labels) longest = std::max(longest, display_width(cut_text(label, kLongestLabel)));
    return kCharacter * static_cast<double>(longest);
}

const char* style_of(const HeatMap::Cell& cell) {
    return cell.wrong ? "cell wrong" : "cell";
}

}  // namespace

std::string heat_chart(const HeatMap& map) {
    const bool notes = std::any_of(map.cells.begin(), map.cells.end(), [](const auto& row) {
        return std::any_of(row.begin(), row.end(), [](const auto& cell) { return !cell.note.empty(); });
    });
    const double left = 14 + width_of(map.rows), width = notes ? 76 : 34, height = notes ? 40 : 24;
    // Long names of columns stand upright.
    const double longest = width_of(map.columns);
    const bool upright = longest > width - 6;
    const double top = upright ? longest + 24 : 38;
    std::string content;
    if (!map.column_name.empty()) content += svg_label("tick", left, 12, map.column_name + " →");
    for (std::size_t i = 0; i < map.columns.size(); ++i) {
        const double x = left + width * (static_cast<double>(i) + 0.5);
        const std::string name = escape_html(cut_text(map.columns[i], kLongestLabel));
        content +=
            upright ? fmt::format("<text class=\"tick\" transform=\"translate({:.1f} {:.1f}) rotate(-90)\">{}</text>",
                                  x + 4, top - 8, name)
                    : fmt::format("<text class=\"tick middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", x, top - 8, name);
    }
    for (std::size_t row = 0; row < map.rows.size(); ++row) {
        const double y = top + height * static_cast<double>(row);
        content += svg_label("name end", left - 8, y + height / 2 + 4, cut_text(map.rows[row], kLongestLabel));
        for (std::size_t column = 0; column < map.cells[row].size(); ++column) {
            const HeatMap::Cell& cell = map.cells[row][column];
            if (cell.text.empty()) continue;
            const double x = left + width * static_cast<double>(column);
            content += fmt::format(
                "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
                "fill-opacity=\"{:.2f}\"/>",
                style_of(cell), x + 1, y + 1, width - 2, height - 2, 0.04 + 0.5 * cell.heat);
            content += svg_label("name middle", x + width / 2, y + height / 2 + (notes ? -1 : 4), cell.text);
            if (!cell.note.empty()) content += svg_label("tick middle", x + width / 2, y + height / 2 + 12, cell.note);
        }
    }
    return svg_picture(left + width * static_cast<double>(map.columns.size()) + 6,
                       top + height * static_cast<double>(map.rows.size()) + 6, map.title, content);
}

std::string parallel_chart(const std::string& title, const Parallel& parallel) {
    constexpr double kGap = 118, kTop = 26, kBottom = 236, kMostLevels = 12;
    const double left = 20;
    const auto x = [&](std::size_t axis) { return left + kGap * static_cast<double>(axis); };
    const auto y = [&](double place) { return kBottom + (kTop + 8 - kBottom) * place; };
    std::string content;
    for (std::size_t i = parallel.lines.size(); i-- > 0;) {  // the best on top
        const Parallel::Line& line = parallel.lines[i];
        std::string d;
        for (std::size_t axis = 0; axis < line.places.size(); ++axis)
            fmt::format_to(std::back_inserter(d), "{}{:.1f} {:.1f}", axis == 0 ? "M" : "L", x(axis),
                           y(line.places[axis]));
        content += fmt::format(
            "<g class=\"line\"><title>{}</title><path class=\"{}\" d=\"{}\" stroke-opacity=\"{:.2f}\"/></g>",
            escape_html(line.title), i == 0 ? "winner" : "trial", d, 0.75 - 0.6 * line.rank);
    }
    for (std::size_t axis = 0; axis < parallel.axes.size(); ++axis) {
        const auto& [label, levels] = parallel.axes[axis];
        content += svg_line("axis", x(axis), kTop + 8, x(axis), kBottom);
        content += svg_label(axis == 0 ? "name" : "name middle", axis == 0 ? 4 : x(axis), 14, label);
        const double steps = static_cast<double>(std::max<std::size_t>(2, levels.size()) - 1);
        const std::size_t stride = 1 + static_cast<std::size_t>(static_cast<double>(levels.size()) / kMostLevels);
        for (std::size_t level = 0; level < levels.size(); level += stride) {
            const double place = levels.size() == 1 ? 0.5 : static_cast<double>(level) / steps;
            content += svg_label("tick halo", x(axis) + 5, y(place) + 3, cut_text(levels[level], 18));
        }
    }
    return svg_picture(left + kGap * static_cast<double>(parallel.axes.size()), kBottom + 14, title, content);
}

}  // namespace thaw
