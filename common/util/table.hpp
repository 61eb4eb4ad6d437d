// A table and the ways to write it: for people, as CSV, JSON, Markdown or LaTeX.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace thaw {

/// One value; monostate is SQLite's NULL: there is none.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

struct Table {
    std::vector<std::string> columns;
    std::vector<std::vector<Cell>> rows;
};

/// A cell as people read it: NULL is a dash, numbers are written as their column's name asks for (accuracy, loss,
/// seconds, parameters), text is clean and cut.
std::string cell_text(const Cell& cell, const std::string& column);

/// Columns two blanks apart; a column that holds numbers and nothing else is aligned to the right.
std::string to_text(const Table& table);
/// RFC 4180, but for lines that end as Unix' do: a header line; NULL is empty, numbers read back exactly.
std::string to_csv(const Table& table);
/// An array with one object a row, keys in the columns' order; numbers are numbers, NULL is null. Of two columns with
/// the same name the second is called NAME_2.
std::string to_json(const Table& table);
/// As to_text, in GitHub's manner; numbers are aligned to the right.
std::string to_markdown(const Table& table);
/// Likewise, as a tabular with the rules of booktabs.
std::string to_latex(const Table& table);

/// By a column: numbers by size, text by its bytes; what has none comes last. Rows that are equal keep their order.
/// Throws UserError with the columns there are.
void sort_rows(Table& table, const std::string& column, bool descending = false);

enum class TableFormat { text, csv, json, markdown, latex };
inline bool is_for_people(TableFormat format) {
    return format != TableFormat::csv && format != TableFormat::json;
}
std::string to_string(const Table& table, TableFormat format);

}  // namespace thaw
