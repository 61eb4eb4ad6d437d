// A query's answer and the three ways to write it: for people, as CSV, as JSON.
#pragma once

#include <string>
#include <vector>

#include "results/database.hpp"

namespace thaw {

struct Table {
    std::vector<std::string> columns;
    std::vector<std::vector<Cell>> rows;
};

/// A cell as people read it: NULL is a dash, numbers are rounded as their column's name asks for (accuracy, loss,
/// seconds), text is clean and cut.
std::string cell_text(const Cell& cell, const std::string& column);

/// Columns two blanks apart; a column that holds numbers and nothing else is aligned to the right.
std::string to_text(const Table& table);
/// RFC 4180: a header line, CRLF after each line; NULL is empty, numbers read back exactly.
std::string to_csv(const Table& table);
/// An array with one object a row, keys in the columns' order; numbers are numbers, NULL is null. Of two columns with
/// the same name the second is called NAME_2.
std::string to_json(const Table& table);

}  // namespace thaw
