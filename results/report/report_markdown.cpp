// A report as Markdown: the same sentences and tables; charts are links to their files.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "common/util/text.hpp"
#include "results/report/report_document.hpp"

namespace thaw {
namespace {

/// A code span, where nothing in the text would end it or a table's cell.
std::string markdown_code(const std::string& text) {
    return text.find_first_of("`|") == std::string::npos ? fmt::format("`{}`", clean_text(text))
                                                         : escape_markdown(text);
}

std::string markdown_words(const Text& text) {
    std::string markdown;
    for (const auto& [words, mark] : text.runs)
        markdown += words == "\n"        ? "<br>"
                    : mark == Mark::code ? markdown_code(words)
                    : mark == Mark::tag  ? " (" + escape_markdown(words) + ")"
                                         : escape_markdown(words);
    return markdown;
}

std::string markdown_paragraph(const std::string& escaped) {
    return escaped.empty() ? "" : escaped + "\n\n";
}

std::string markdown_row(const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += " " + cell + " |";
    return text + "\n";
}

/// A table's first two lines.
std::string markdown_head(const std::vector<Grid::Column>& columns) {
    std::vector<std::string> names, rule;
    for (const Grid::Column& column : columns) {
        names.push_back(escape_markdown(column.heading));
        rule.emplace_back(column.kind == Grid::Column::Kind::number ? "---:" : "---");
    }
    return markdown_row(names) + markdown_row(rule);
}

/// Blocks as Markdown.
struct MarkdownWriter {
    std::string figures;  // their folder

    std::string operator()(const Heading& heading) const {
        return "### " + markdown_paragraph(escape_markdown(heading.text));
    }

    std::string operator()(const Paragraph& block) const { return markdown_paragraph(markdown_words(block.text)); }

    std::string operator()(const Facts& facts) const {
        std::string text;
        for (const auto& [name, words, is_code] : facts.facts)
            text += fmt::format("- **{}**: {}\n", escape_markdown(name),
                                is_code ? markdown_code(words) : escape_markdown(words));
        return text.empty() ? "" : text + "\n";
    }

    std::string operator()(const Grid& grid) const {
        const std::size_t shown = std::min(grid.rows.size(), grid.most_without_scripts);
        std::string text = grid.folded ? markdown_paragraph(escape_markdown(grid.caption) + ":") : "";
        text += markdown_head(grid.columns);
        for (std::size_t i = 0; i < shown; ++i) {
            std::vector<std::string> cells;
            for (const Grid::Cell& cell : grid.rows[i]) cells.push_back(markdown_words(cell.text));
            text += markdown_row(cells);
        }
        if (const std::size_t all = std::max(grid.rows.size(), grid.total); shown < all)
            text += fmt::format("\n{}.\n", first_rows_text(shown, all));
        return text + "\n";
    }

    std::string operator()(const HeatMap& map) const {
        std::vector<Grid::Column> columns = {map.row_name + " / " + map.column_name};
        for (const std::string& column : map.columns) columns.emplace_back(column, Grid::Column::Kind::number);
        std::string text = markdown_paragraph(escape_markdown(map.title) + ".") + markdown_head(columns);
        for (std::size_t row = 0; row < map.rows.size(); ++row) {
            std::vector<std::string> cells = {escape_markdown(map.rows[row])};
            for (const HeatMap::Cell& cell : map.cells[row]) cells.push_back(cell.text);
            text += markdown_row(cells);
        }
        return text + "\n";
    }

    std::string operator()(const Figures& block) const {
        std::string text;
        for (const Figure& figure : block.figures) {
            if (!figure.heading.empty()) text += "**" + escape_markdown(figure.heading) + "**\n\n";
            text += fmt::format("![{}](<{}/{}.svg>)\n\n", escape_markdown(figure.title), figures, figure.name) +
                    markdown_paragraph(escape_markdown(figure.text()));
        }
        return text;
    }

    std::string operator()(const Photos& photos) const {
        std::string text;
        for (const Photo& photo : photos.photos)
            text += fmt::format("- {}: {}\n", escape_markdown(photo.name), escape_markdown(photo.text));
        return text + "\n";
    }

    /// Indented, it is a block of code whatever is in it.
    std::string operator()(const Listing& listing) const {
        std::string text;
        for (std::size_t at = 0; at < listing.text.size();) {
            const std::size_t end = std::min(listing.text.find('\n', at), listing.text.size());
            text += "    " + clean_text(std::string_view(listing.text).substr(at, end - at)) + "\n";
            at = end + 1;
        }
        return text + "\n";
    }

    std::string all(const Blocks& blocks) const {
        std::string text;
        for (const Block& block : blocks) text += std::visit(*this, block);
        return text;
    }
};

}  // namespace

std::string report_markdown(const Document& document, const std::filesystem::path& figures) {
    const MarkdownWriter writer{figures.generic_string()};
    std::string text =
        fmt::format("# {}\n\n**{}**\n\n", escape_markdown(document.name), markdown_words(document.answer));
    text += writer.all(document.lead);
    for (const Section& section : document.sections)
        text += fmt::format("## {}\n\n", section.title) + writer.all(section.blocks);
    return text;
}

}  // namespace thaw
