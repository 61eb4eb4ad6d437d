#include "results/query/query.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

#include "common/util/error.hpp"
#include "common/util/nearest.hpp"
#include "common/util/text.hpp"
#include "results/query/class_scores.hpp"
#include "results/query/columns.hpp"
#include "results/query/curves.hpp"
#include "results/query/finished_trials.hpp"
#include "results/query/leaderboard.hpp"
#include "results/query/trial_name.hpp"

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

}  // namespace

std::vector<std::string> columns_of(const Database& database, const std::string& relation) {
    const Statement statement = database.prepare(fmt::format("SELECT * FROM \"{}\"", relation));
    std::vector<std::string> columns;
    for (int column = 0; column < statement.columns(); ++column) columns.push_back(statement.name(column));
    return columns;
}

namespace {

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

/// The failed trials for people: each message once.
std::string failures_text(const Database& database) {
    Statement rows = database.prepare("SELECT coalesce(message, ''), trial FROM failed_trials");
    std::vector<std::pair<std::string, std::vector<std::string>>> groups;
    while (rows.step()) {
        const std::string message = rows.text(0);
        auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& one) { return one.first == message; });
        if (group == groups.end()) group = groups.insert(groups.end(), {message, {}});
        group->second.push_back(rows.text(1));
    }
    std::string text;
    for (const auto& [message, trials] : groups) {
        text +=
            fmt::format("{}: {}\n", counted(static_cast<std::int64_t>(trials.size()), "trial"), clean_text(message));
        for (const std::string& trial : trials)
            text += fmt::format("  {}  {}\n", trial, describe_trial(database, trial));
    }
    return text.empty() ? "No trial stands as failed.\n" : text;
}

Table first_rows(Table table, std::optional<int> top) {
    if (top && *top > 0) table.rows.resize(std::min(table.rows.size(), static_cast<std::size_t>(*top)));
    return table;
}

/// Sorted, cut to the first rows, and only the columns that are asked for.
Table arranged(Table table, const QueryOptions& options) {
    if (!options.sort.empty()) sort_rows(table, column_named(table.columns, options.sort), options.reverse);
    return with_columns(first_rows(std::move(table), options.top), options.columns);
}

std::string pivot_text(const Database& database, const QueryOptions& options, const std::string& condition) {
    if (options.pivot.size() != 2)
        throw UserError("--pivot wants two columns, such as freeze,backbone; found {}", fmt::join(options.pivot, ","));
    const std::string text =
        to_string(pivot_table(database, options.pivot[0], options.pivot[1], condition, options.cell, options.format),
                  options.format);
    if (options.format != TableFormat::text) return text;
    return text +
           (options.cell == PivotCell::best
                ? "\nValidation accuracy of each cell's best configuration: mean ± standard deviation over seeds.\n"
                : "\nValidation accuracy of all trials of each cell: mean ± standard deviation.\n");
}

/// The leaderboard's rows that meet a condition.
Table chosen_trials(const Database& database, const std::string& condition, int top) {
    const std::string source = finished_trials(database, condition);
    if (source == "leaderboard")
        return query_table(database, fmt::format("SELECT * FROM leaderboard WHERE ({}) LIMIT {}", condition, top));
    const std::vector<std::string> columns = columns_of(database, "leaderboard");
    Table table = query_table(database, fmt::format("SELECT 0 AS {} FROM {} WHERE ({}) ORDER BY {} LIMIT {}",
                                                    fmt::join(columns, ", "), source, condition, kRankOrder, top));
    const auto place = [&](const char* column) {
        return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
    };
    const auto real = [](const Cell& cell) {
        const auto* value = std::get_if<double>(&cell);
        return value ? *value : std::nan("");
    };
    const std::size_t accuracy = place("validation_accuracy"), loss = place("validation_loss"), trial = place("trial");
    RankCounter ranks(database);
    for (auto& row : table.rows)
        row[0] = ranks.rank(real(row[accuracy]), real(row[loss]), std::get<std::string>(row[trial]));
    return table;
}

std::string default_answer(const Database& database, const QueryOptions& options, const std::string& condition) {
    constexpr int kUsualTop = 20, kAll = std::numeric_limits<int>::max();
    QueryOptions wanted = options;
    if (!wanted.top) wanted.top = kUsualTop;
    // What is sorted otherwise is cut afterwards.
    const int top = *wanted.top == 0 || !wanted.sort.empty() ? kAll : *wanted.top;
    const bool averaged = ranks_configurations(database, condition);
    // A mistake in a condition is explained with the leaderboard's columns.
    if (!averaged) prepare_query(database, fmt::format("SELECT 1 FROM leaderboard WHERE ({})", condition));
    if (is_for_people(options.format) && options.columns.empty())
        return leaderboard_text(database, top, condition, options.format,
                                [&](Table table) { return arranged(std::move(table), wanted); });
    if (condition == "true" || averaged) {
        const char* relation = averaged ? "configurations" : "leaderboard";
        const std::string sql = fmt::format("SELECT * FROM {} WHERE ({}) LIMIT {}", relation, condition, top);
        return to_string(arranged(query_table(database, sql), wanted), options.format);
    }
    return to_string(arranged(chosen_trials(database, condition, top), wanted), options.format);
}

}  // namespace

Statement prepare_query(const Database& database, const std::string& sql) {
    try {
        std::string_view rest;
        Statement statement(database.handle(), sql, &rest);
        if (!trimmed(std::string(rest)).empty()) throw UserError("give one SQL statement, found more: {}", rest);
        if (!statement.handle()) throw UserError("found no SQL statement in '{}'", sql);
        if (!sqlite3_stmt_readonly(statement.handle()))
            throw UserError("queries only read: this statement would change the database");
        return statement;
    } catch (const StatementError& error) {
        explain(database, sql, error);
    }
}

Table query_table(const Database& database, const std::string& query) {
    const std::string text = trimmed(query);
    if (is_one_word(text)) {
        const std::vector<std::string> all = relations(database);
        if (std::count(all.begin(), all.end(), text) == 0)
            throw UserError("there is no view or table '{}'{}; there are: {} (or give an SQL statement)", text,
                            did_you_mean(text, all), fmt::join(all, ", "));
    }
    const std::string sql = is_one_word(text) ? fmt::format("SELECT * FROM \"{}\"", text) : text;
    Statement statement = prepare_query(database, sql);
    try {
        return read_all(statement);
    } catch (const StatementError& error) {
        explain(database, sql, error);
    }
}

std::string checked_condition(const std::string& condition) {
    if (trimmed(condition).empty()) return "true";
    int depth = 0;
    char quote = 0;
    for (std::size_t i = 0; i < condition.size(); ++i) {
        const char c = condition[i], next = i + 1 < condition.size() ? condition[i + 1] : '\0';
        if (quote) {
            if (c == quote) quote = 0;  // a doubled one opens again at once
            continue;
        }
        if (c == '\'' || c == '"' || c == '`') quote = c;
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        const bool comment = (c == '-' && next == '-') || (c == '/' && next == '*');
        if (depth < 0 || c == ';' || comment)
            throw UserError(
                "--where: '{}' at '{}' does not belong in a condition such as \"backbone='alexnet' and "
                "dropout<0.5\"",
                c, condition.substr(i, 20));
    }
    if (quote) throw UserError("--where: a {} is opened and not closed: {}", quote, condition);
    if (depth > 0) throw UserError("--where: a ( is opened and not closed: {}", condition);
    return condition;
}

std::string run_query(const std::filesystem::path& path, const QueryOptions& asked) {
    const Database database = open_results(path);
    QueryOptions options = asked;
    for (std::vector<std::string>* words : {&options.group_by, &options.pivot})
        for (std::string& word : *words) word = column_named(columns_of(database, "leaderboard"), word);
    const std::string condition = checked_condition(options.where);
    if (!options.curves.empty()) return curves_text(database, options.curves, options.format);
    if (!options.classes.empty()) return classes_text(database, options.classes, options.format);
    if (options.diff.size() == 2) return diff_text(database, options.diff[0], options.diff[1], options.format);
    if (options.failed && options.format == TableFormat::text) return failures_text(database);
    if (!options.group_by.empty())
        return to_string(arranged(group_table(database, options.group_by, condition, options.format), options),
                         options.format);
    if (!options.pivot.empty()) return pivot_text(database, options, condition);
    const std::string query = options.failed ? "failed_trials" : trimmed(options.query);
    if (query.empty()) return default_answer(database, options, condition);
    return to_string(arranged(query_table(database, query), options), options.format);
}

std::string leaderboard_text(const std::filesystem::path& database, int top) {
    return leaderboard_text(open_results(database), top);
}

}  // namespace thaw
