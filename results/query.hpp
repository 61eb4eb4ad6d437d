// `thaw query`: answers questions about a results database without ever changing it.
#pragma once

#include <filesystem>
#include <string>

#include "common/table.hpp"
#include "results/database.hpp"

namespace thaw {

struct QueryOptions {
    std::string query = {};  // empty: the leaderboard; one word: a view or table; else one SQL statement
    TableFormat format = TableFormat::text;
    int top = 20;  // rows of the leaderboard, where no query is given
};

/// The answer as text in the wanted format. The leaderboard for people shows only the axes that vary; as CSV or JSON it
/// has every column. Works while a sweep is running. Throws UserError: no such file, table or column (it lists those
/// there are), a statement that would write, more than one statement, an answer too large.
std::string run_query(const std::filesystem::path& database, const QueryOptions& options);

/// One reading statement's rows, or one view's or table's.
Table query_table(const Database& database, const std::string& query);

/// What `thaw run` ends with: the default query's answer.
std::string leaderboard_text(const std::filesystem::path& database, int top = 20);

}  // namespace thaw
