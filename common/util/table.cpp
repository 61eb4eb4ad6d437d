#include "common/util/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "common/util/error.hpp"
#include "common/util/nearest.hpp"
#include "common/util/text.hpp"

namespace thaw {
namespace {

constexpr std::size_t kWidestCell = 40;

bool is_number(const Cell& cell) {
    return std::holds_alternative<std::int64_t>(cell) || std::holds_alternative<double>(cell);
}

bool holds_numbers(const Table& table, std::size_t column) {
    bool some = false;
    for (const auto& row : table.rows) {
        if (is_number(row[column]))
            some = true;
        else if (!std::holds_alternative<std::monostate>(row[column]))
            return false;
    }
    return some;
}

std::string number_text(double value, const std::string& column) {
    const auto is_about = [&](const char* word) { return column.find(word) != std::string::npos; };
    constexpr const char* kFractions[] = {"accuracy", "loss", "auc", "AUC", "precision", "recall", "F1"};
    if (std::any_of(std::begin(kFractions), std::end(kFractions), is_about)) return decimals(value, 4);
    if (is_about("seconds")) return decimals(value, 2);
    return human_number(value);
}

std::string padded(const std::string& text, std::size_t width, bool to_the_right) {
    const std::string blanks(width - display_width(text), ' ');
    return to_the_right ? blanks + text : text + blanks;
}

std::string csv_cell(const Cell& cell) {
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *integer);
    if (const auto* real = std::get_if<double>(&cell)) return fmt::format("{}", *real);
    const auto* text = std::get_if<std::string>(&cell);
    if (!text) return "";
    if (text->find_first_of(",\"\r\n") == std::string::npos) return *text;
    std::string quoted = "\"";
    for (const char c : *text) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + '"';
}

std::string json_text(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_cell(const Cell& cell) {
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) return json_text(*integer);
    if (const auto* real = std::get_if<double>(&cell)) return json_text(*real);  // infinity becomes null
    if (const auto* text = std::get_if<std::string>(&cell)) return json_text(*text);
    return "null";
}

std::vector<std::string> distinct_names(const std::vector<std::string>& columns) {
    std::vector<std::string> names;
    for (const std::string& column : columns) {
        std::string name = column;
        for (int copy = 2; std::count(names.begin(), names.end(), name) > 0; ++copy)
            name = fmt::format("{}_{}", column, copy);
        names.push_back(name);
    }
    return names;
}

}  // namespace

std::string cell_text(const Cell& cell, const std::string& column) {
    if (const auto* integer = std::get_if<std::int64_t>(&cell))
        return column.find("parameters") == std::string::npos ? fmt::format("{}", *integer) : thousands(*integer);
    if (const auto* real = std::get_if<double>(&cell)) return number_text(*real, column);
    if (const auto* text = std::get_if<std::string>(&cell)) return cut_text(*text, kWidestCell);
    return "–";
}

std::string to_text(const Table& table) {
    const std::size_t columns = table.columns.size();
    std::vector<std::vector<std::string>> lines(1 + table.rows.size());
    std::vector<std::size_t> widths(columns);
    std::vector<bool> numbers(columns);
    for (std::size_t column = 0; column < columns; ++column) {
        numbers[column] = holds_numbers(table, column);
        lines[0].push_back(cut_text(table.columns[column], kWidestCell));
        for (std::size_t row = 0; row < table.rows.size(); ++row)
            lines[row + 1].push_back(cell_text(table.rows[row][column], table.columns[column]));
        for (const auto& line : lines) widths[column] = std::max(widths[column], display_width(line[column]));
    }
    std::string text;
    for (const auto& line : lines) {
        std::string joined;
        for (std::size_t column = 0; column < columns; ++column)
            joined += (column > 0 ? "  " : "") + padded(line[column], widths[column], numbers[column]);
        joined.erase(joined.find_last_not_of(' ') + 1);
        text += joined + '\n';
    }
    return text;
}

std::string to_csv(const Table& table) {
    std::string csv;
    const auto add_line = [&](const auto& cells) {
        for (std::size_t i = 0; i < cells.size(); ++i) csv += (i > 0 ? "," : "") + csv_cell(cells[i]);
        csv += '\n';
    };
    add_line(std::vector<Cell>(table.columns.begin(), table.columns.end()));
    for (const auto& row : table.rows) add_line(row);
    return csv;
}

std::string to_markdown(const Table& table) {
    std::string text = "|", rule = "|";
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
        text += fmt::format(" {} |", escape_markdown(table.columns[column]));
        rule += holds_numbers(table, column) ? "---:|" : "---|";
    }
    text += "\n" + rule + "\n";
    for (const auto& row : table.rows) {
        text += "|";
        for (std::size_t column = 0; column < row.size(); ++column)
            text += fmt::format(" {} |", escape_markdown(cell_text(row[column], table.columns[column])));
        text += "\n";
    }
    return text;
}

std::string to_latex(const Table& table) {
    std::string columns, text;
    for (std::size_t column = 0; column < table.columns.size(); ++column)
        columns += holds_numbers(table, column) ? 'r' : 'l';
    const auto add_line = [&](std::size_t cells, const auto& cell) {
        for (std::size_t i = 0; i < cells; ++i) text += (i > 0 ? " & " : "") + escape_latex(cell(i));
        text += " \\\\\n";
    };
    add_line(table.columns.size(), [&](std::size_t i) { return table.columns[i]; });
    text += "\\midrule\n";
    for (const auto& row : table.rows)
        add_line(row.size(), [&](std::size_t i) { return cell_text(row[i], table.columns[i]); });
    return fmt::format("\\begin{{tabular}}{{{}}}\n\\toprule\n{}\\bottomrule\n\\end{{tabular}}\n", columns, text);
}

void sort_rows(Table& table, const std::string& column, bool descending) {
    const auto found = std::find(table.columns.begin(), table.columns.end(), column);
    if (found == table.columns.end())
        throw UserError("no column '{}' to sort by{}; there are: {}", column, did_you_mean(column, table.columns),
                        fmt::join(table.columns, ", "));
    const auto index = static_cast<std::size_t>(found - table.columns.begin());
    const auto number = [](const Cell& cell) {
        const auto* integer = std::get_if<std::int64_t>(&cell);
        return integer ? static_cast<double>(*integer) : std::get<double>(cell);
    };
    const auto less = [&](const Cell& a, const Cell& b) {
        return is_number(a) && is_number(b) ? number(a) < number(b) : a < b;
    };
    std::stable_sort(table.rows.begin(), table.rows.end(), [&](const auto& left, const auto& right) {
        const Cell &a = left[index], &b = right[index];
        const bool none = std::holds_alternative<std::monostate>(a),
                   other_none = std::holds_alternative<std::monostate>(b);
        if (none || other_none) return !none && other_none;
        return descending ? less(b, a) : less(a, b);
    });
}

std::string to_string(const Table& table, TableFormat format) {
    switch (format) {
        case TableFormat::text:
            return to_text(table);
        case TableFormat::csv:
            return to_csv(table);
        case TableFormat::json:
            return to_json(table);
        case TableFormat::markdown:
            return to_markdown(table);
        case TableFormat::latex:
            return to_latex(table);
    }
    THAW_CHECK(false, "table format {}", static_cast<int>(format));
}

std::string to_json(const Table& table) {
    const std::vector<std::string> names = distinct_names(table.columns);
    std::string json = "[";
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        json += row > 0 ? ",\n  {" : "\n  {";
        for (std::size_t column = 0; column < names.size(); ++column)
            json += fmt::format("{}{}: {}", column > 0 ? ", " : "", json_text(names[column]),
                                json_cell(table.rows[row][column]));
        json += "}";
    }
    return json + (table.rows.empty() ? "]\n" : "\n]\n");
}

}  // namespace thaw
