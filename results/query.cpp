#include "results/query.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "common/error.hpp"
#include "common/nearest.hpp"
#include "results/leaderboard.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;  // of an answer, which is held in memory

bool is_one_word(const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return std::isalnum(c) || c == '_' || c >= 0x80; });
}

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    const auto last = text.find_last_not_of(" \t\r\n;");
    return first == std::string::npos || last == std::string::npos || last < first
               ? ""
               : text.substr(first, last - first + 1);
}

std::vector<std::string> first_column(const Database& database, const std::string& sql) {
    Statement rows = database.prepare(sql);
    std::vector<std::string> values;
    while (rows.step()) values.push_back(rows.text(0));
    return values;
}

/// Views first: they are what people want.
std::vector<std::string> relations(const Database& database) {
    return first_column(database,
                        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"
                        " ORDER BY type DESC, name");
}

std::vector<std::string> columns_of(const Database& database, const std::string& relation) {
    const Statement statement = database.prepare(fmt::format("SELECT * FROM \"{}\"", relation));
    std::vector<std::string> columns;
    for (int column = 0; column < statement.columns(); ++column) columns.push_back(statement.name(column));
    return columns;
}

/// SQLite's "no such column: x" with the columns of the relations that the query names, and so on.
[[noreturn]] void explain(const Database& database, const std::string& query, const StatementError& error) {
    const std::string message = error.what();
    const std::string name = message.substr(std::min(message.size(), message.rfind(' ') + 1));
    const std::vector<std::string> all = relations(database);
    if (message.starts_with("no such table"))
        throw UserError("{}{}; there are: {}", message, did_you_mean(name, all), fmt::join(all, ", "));
    if (message.starts_with("no such column")) {
        std::vector<std::string> columns, lines;
        for (const std::string& relation : all) {
            if (query.find(relation) == std::string::npos) continue;
            const std::vector<std::string> own = columns_of(database, relation);
            columns.insert(columns.end(), own.begin(), own.end());
            lines.push_back(fmt::format("  {}: {}", relation, fmt::join(own, ", ")));
        }
        throw UserError("{}{}; there are:\n{}", message, did_you_mean(name, columns), fmt::join(lines, "\n"));
    }
    if (message.starts_with("not authorized") || error.code() == SQLITE_AUTH)
        throw UserError("queries only read: this statement is not allowed ({})", message);
    throw UserError("SQL: {}", message);
}

std::size_t bytes_of(const Cell& cell) {
    const auto* text = std::get_if<std::string>(&cell);
    return sizeof(Cell) + (text ? text->size() : 0);
}

Table read_all(Statement& statement) {
    Table table;
    for (int column = 0; column < statement.columns(); ++column) table.columns.push_back(statement.name(column));
    std::size_t bytes = 0;
    while (statement.step()) {
        std::vector<Cell>& row = table.rows.emplace_back();
        for (int column = 0; column < statement.columns(); ++column) {
            row.push_back(statement.cell(column));
            bytes += bytes_of(row.back());
        }
        if (bytes > kMostBytes)
            throw UserError("the answer is larger than 256 MiB ({} rows so far); narrow it, for example with LIMIT",
                            table.rows.size());
    }
    return table;
}

}  // namespace

Table query_table(const Database& database, const std::string& query) {
    const std::string text = trimmed(query);
    if (is_one_word(text)) {
        const std::vector<std::string> all = relations(database);
        if (std::count(all.begin(), all.end(), text) == 0)
            throw UserError("there is no view or table '{}'{}; there are: {} (or give an SQL statement)", text,
                            did_you_mean(text, all), fmt::join(all, ", "));
    }
    const std::string sql = is_one_word(text) ? fmt::format("SELECT * FROM \"{}\"", text) : text;
    try {
        std::string_view rest;
        Statement statement(database.handle(), sql, &rest);
        if (!trimmed(std::string(rest)).empty()) throw UserError("give one SQL statement, found more: {}", rest);
        if (!statement.handle()) throw UserError("found no SQL statement in '{}'", text);
        if (!sqlite3_stmt_readonly(statement.handle()))
            throw UserError("queries only read: this statement would change the database");
        return read_all(statement);
    } catch (const StatementError& error) {
        explain(database, text, error);
    }
}

std::string run_query(const std::filesystem::path& path, const QueryOptions& options) {
    const Database database = open_results(path);
    const bool is_default = trimmed(options.query).empty();
    if (is_default && options.format == TableFormat::text) return leaderboard_text(database, options.top);
    const std::string query =
        is_default ? fmt::format("SELECT * FROM leaderboard LIMIT {}", options.top) : options.query;
    return to_string(query_table(database, query), options.format);
}

std::string leaderboard_text(const std::filesystem::path& database, int top) {
    return leaderboard_text(open_results(database), top);
}

}  // namespace thaw
