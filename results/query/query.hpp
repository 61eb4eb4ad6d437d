// `thaw query`: answers questions about a results database without ever changing it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/util/table.hpp"
#include "results/query/grouping.hpp"
#include "results/store/database.hpp"

namespace thaw {

struct QueryOptions {
    std::string query = {};  // empty: the leaderboard; one word: a view or table; else one SQL statement
    std::string where = {};  // only trials that meet this condition on the leaderboard's columns, in SQL
    TableFormat format = TableFormat::text;
    std::optional<int> top = {};             // rows, 0: all; without, of the leaderboard 20, of all else all
    std::string sort = {};                   // by this column; empty: as the answer comes
    bool reverse = false;                    // the largest first
    std::vector<std::string> columns = {};   // only these
    std::vector<std::string> group_by = {};  // columns of the leaderboard
    std::vector<std::string> pivot = {};     // two of them: downwards, across
    PivotCell cell = PivotCell::all;
    std::string curves = {};             // a trial
    std::string classes = {};            // a trial
    std::vector<std::string> diff = {};  // two trials
    bool failed = false;
};

/// The answer as text in the wanted format. The leaderboard for people shows only the axes that vary; as CSV or JSON it
/// has every column. Works while a sweep is running. Throws UserError: no such file, table or column (it lists those
/// there are), a statement that would write, more than one statement, an answer too large.
std::string run_query(const std::filesystem::path& database, const QueryOptions& options);

/// One reading statement's rows, or one view's or table's.
Table query_table(const Database& database, const std::string& query);

/// One reading statement, ready to be stepped through; throws UserError as run_query does.
Statement prepare_query(const Database& database, const std::string& sql);

std::vector<std::string> columns_of(const Database& database, const std::string& relation);

/// The condition, where it is one expression and nothing else; throws UserError. "true" for none.
std::string checked_condition(const std::string& condition);

/// What `thaw run` ends with: the default query's answer.
std::string leaderboard_text(const std::filesystem::path& database, int top = 20);

}  // namespace thaw
