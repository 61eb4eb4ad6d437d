// Which columns of a table people mean: by their names, by the headings that tables for people have, or in short.
#pragma once

#include <string>
#include <vector>

#include "common/util/table.hpp"

namespace thaw {

/// The column that `word` stands for: "Learning rate", "lr" and "learning_rate" are one. The word itself where none
/// fits.
std::string column_named(const std::vector<std::string>& columns, const std::string& word);

/// These columns alone, in this order; all where none is given. Throws UserError with the columns there are.
Table with_columns(Table table, const std::vector<std::string>& words);

}  // namespace thaw
