// A report as one HTML page that loads nothing: the answer first, then what stands behind it.
#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "common/util/text.hpp"
#include "results/report/embedded.hpp"
#include "results/report/report_document.hpp"

namespace thaw {
namespace {

// Nothing is ever loaded; what the page itself has may run and be shown.
constexpr const char* kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

std::string base64(const std::string& bytes) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t left = std::min<std::size_t>(3, bytes.size() - at);
        unsigned group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 | (i < left ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        for (std::size_t i = 0; i < 4; ++i) text += i <= left ? kDigits[group >> (18 - 6 * i) & 63] : '=';
    }
    return text;
}

std::string html_words(const Text& text) {
    std::string html;
    for (const auto& [words, mark] : text.runs) {
        const std::string safe = escape_html(words);
        html += mark == Mark::strong ? "<b>" + safe + "</b>"
                : mark == Mark::code ? "<code>" + safe + "</code>"
                : mark == Mark::tag  ? "<span class=\"tag\">" + safe + "</span>"
                                     : safe;
    }
    return html;
}

/// What scrolls sideways on a narrow screen.
std::string html_scrolling(const std::string& label, const std::string& content) {
    return fmt::format("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">{}</div>\n",
                       escape_html(label), content);
}

std::string html_table(const char* style, const std::string& caption, const std::string& head,
                       const std::string& rows) {
    return html_scrolling(
        caption, fmt::format("<table class=\"{}\"><caption>{}</caption><thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>"
                             "</table>",
                             style, escape_html(caption), head, rows));
}

std::string html_cell(const Grid::Cell& cell, Grid::Column::Kind kind) {
    const std::string key = std::isfinite(cell.key) ? fmt::format(" data-key=\"{:.6g}\"", cell.key) : "";
    const char* style = kind == Grid::Column::Kind::number ? " class=\"number\""
                        : kind == Grid::Column::Kind::wide ? " class=\"wide\""
                                                           : "";
    return fmt::format("<td{}{}>{}</td>", style, key, html_words(cell.text));
}

std::string html_heat_cell(const HeatMap::Cell& cell) {
    if (cell.text.empty()) return "<td></td>";
    return fmt::format("<td class=\"{}\" style=\"--heat:{:.2f}\">{}{}</td>", cell.wrong ? "cell wrong" : "cell",
                       0.04 + 0.5 * cell.heat, escape_html(cell.text),
                       cell.note.empty() ? "" : fmt::format("<small>{}</small>", escape_html(cell.note)));
}

std::string html_figure(const Figure& figure) {
    const std::string heading = figure.heading.empty() ? "" : fmt::format("<h3>{}</h3>\n", escape_html(figure.heading));
    const std::string caption =
        figure.text().empty() ? "" : fmt::format("<figcaption>{}</figcaption>", escape_html(figure.text()));
    return fmt::format("<figure>{}{}{}</figure>\n", heading, figure.svg, caption);
}

/// Blocks as HTML.
struct HtmlWriter {
    const Thumbnail& thumbnail;

    std::string operator()(const Heading& heading) const {
        return fmt::format("<h3>{}</h3>\n", escape_html(heading.text));
    }

    std::string operator()(const Paragraph& paragraph) const {
        return fmt::format("<p class=\"{}\">{}</p>\n", paragraph.style, html_words(paragraph.text));
    }

    std::string operator()(const Facts& facts) const {
        std::string list;
        for (const auto& [name, text, code] : facts.facts) {
            const std::string entry = fmt::format("<dt>{}</dt><dd>{}</dd>", escape_html(name),
                                                  html_words({{text, code ? Mark::code : Mark::none}}));
            list += facts.in_a_row ? "<div>" + entry + "</div>" : entry + "\n";
        }
        if (list.empty()) return "";
        return fmt::format("<dl class=\"{}\">\n{}</dl>\n", facts.in_a_row ? "row" : "facts", list);
    }

    std::string operator()(const Grid& grid) const {
        std::string head, rows;
        for (const Grid::Column& column : grid.columns)
            head += fmt::format("<th scope=\"col\"{}>{}</th>",
                                column.kind == Grid::Column::Kind::number ? " class=\"number\"" : "",
                                escape_html(column.heading));
        for (const auto& row : grid.rows) {
            rows += "<tr>";
            for (std::size_t i = 0; i < row.size(); ++i) rows += html_cell(row[i], grid.columns[i].kind);
            rows += "</tr>\n";
        }
        std::string text = html_table("sortable", grid.caption, head, rows);
        if (grid.total > grid.rows.size())
            text += fmt::format("<p class=\"quiet\">{}.</p>\n", first_rows_text(grid.rows.size(), grid.total));
        if (!grid.folded) return text;
        return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape_html(grid.caption), text);
    }

    std::string operator()(const HeatMap& map) const {
        std::string head =
            fmt::format("<th scope=\"col\">{}</th>", escape_html(map.row_name + " \\ " + map.column_name));
        for (const std::string& column : map.columns)
            head += fmt::format("<th class=\"number\" scope=\"col\">{}</th>", escape_html(column));
        std::string rows;
        for (std::size_t row = 0; row < map.rows.size(); ++row) {
            rows += fmt::format("<tr><th scope=\"row\">{}</th>", escape_html(map.rows[row]));
            for (const HeatMap::Cell& cell : map.cells[row]) rows += html_heat_cell(cell);
            rows += "</tr>\n";
        }
        return html_table("heat", map.title, head, rows);
    }

    std::string operator()(const Figures& figures) const {
        std::string text;
        const bool pairs = figures.layout == Figures::Layout::pairs;
        for (std::size_t i = 0; i < figures.figures.size(); ++i) {
            const std::string drawn = html_figure(figures.figures[i]);
            text += !pairs ? drawn : i % 2 == 0 ? "<div>\n" + drawn : drawn + "</div>\n";
        }
        if (figures.layout == Figures::Layout::alone) return text;
        if (figures.layout == Figures::Layout::scroll) return html_scrolling(figures.figures.front().title, text);
        return fmt::format("<div class=\"{}\">\n{}</div>\n", pairs ? "curves" : "charts", text);
    }

    std::string operator()(const Photos& photos) const {
        std::string text;
        for (const auto& [file, name, words] : photos.photos) {
            const std::string jpeg = thumbnail ? thumbnail(file) : "";
            const std::string picture = jpeg.empty() ? "<span class=\"missing\">not readable here</span>"
                                                     : fmt::format("<img alt=\"{}\" src=\"data:image/jpeg;base64,{}\">",
                                                                   escape_html(words), base64(jpeg));
            text += fmt::format("<figure>{}<figcaption>{}<br><small>{}</small></figcaption></figure>\n", picture,
                                escape_html(words), escape_html(name));
        }
        return "<div class=\"photos\">\n" + text + "</div>\n";
    }

    std::string operator()(const Listing& listing) const {
        return fmt::format("<pre tabindex=\"0\">{}</pre>\n", escape_html(listing.text));
    }

    std::string all(const Blocks& blocks) const {
        std::string text;
        for (const Block& block : blocks) text += std::visit(*this, block);
        return text;
    }
};

std::string html_head(const Document& document) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>{}</title>\n<style>\n{}{}</style>\n</head>\n",
        kPolicy, escape_html(document.name + " – thaw"), kReportCss, kFiguresCss);
}

/// For scripts, once for all charts.
std::string html_configurations(const Document& document) {
    std::string items;
    for (const std::string& tip : document.configurations) items += "<li>" + escape_html(clean_text(tip)) + "</li>\n";
    return items.empty() ? "" : "<ol id=\"configurations\" hidden>\n" + items + "</ol>\n";
}

}  // namespace

std::string report_html(const Document& document, const Thumbnail& thumbnail) {
    const HtmlWriter writer{thumbnail};
    std::string links, sections;
    for (const auto& [id, title, blocks] : document.sections) {
        links += fmt::format("<a href=\"#{}\">{}</a>\n", id, title);
        sections +=
            fmt::format("<section id=\"{}\"><h2>{}</h2>\n{}</section>\n", id, escape_html(title), writer.all(blocks));
    }
    return html_head(document) +
           fmt::format("<body>\n<header>\n<p class=\"over\">{}</p>\n<h1>{}</h1>\n{}</header>\n",
                       escape_html("thaw · " + document.name), html_words(document.answer), writer.all(document.lead)) +
           fmt::format("<nav aria-label=\"Sections\">\n{}</nav>\n<main>\n{}</main>\n", links, sections) +
           html_configurations(document) + fmt::format("<script>\n{}</script>\n</body>\n</html>\n", kReportJs);
}

}  // namespace thaw
