#include "results/query/grouping.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "common/util/error.hpp"
#include "common/util/nearest.hpp"
#include "results/query/finished_trials.hpp"
#include "results/query/leaderboard.hpp"
#include "results/query/query.hpp"

namespace thaw {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

struct Group {
    std::vector<Cell> key;
    std::vector<double> accuracies;
    double best = kNotANumber, loss_of_best = kNotANumber;
    std::string best_trial;
    double frozen_layers = 0;  // of all its trials together
};

/// Adds a value to a text that tells keys apart.
void add_to_key(sqlite3_stmt* row, int column, std::string& key) {
    const auto add = [&](const auto value) { key.append(reinterpret_cast<const char*>(&value), sizeof value); };
    const int type = sqlite3_column_type(row, column);
    key += static_cast<char>('0' + type);
    if (type == SQLITE_INTEGER) return add(sqlite3_column_int64(row, column));
    if (type == SQLITE_FLOAT) return add(sqlite3_column_double(row, column));
    if (type == SQLITE_NULL) return;
    const void* bytes = sqlite3_column_blob(row, column);
    const int count = sqlite3_column_bytes(row, column);
    add(count);
    if (bytes) key.append(static_cast<const char*>(bytes), static_cast<std::size_t>(count));
}

/// By the leaderboard's order.
bool beats_best_of(double accuracy, double loss, const std::string& trial, const Group& group) {
    const auto order = [](double value, double if_none) { return std::isnan(value) ? if_none : value; };
    constexpr double kWorst = std::numeric_limits<double>::infinity();
    const std::tuple left(order(-accuracy, kWorst), order(loss, kWorst)),
        right(order(-group.best, kWorst), order(group.loss_of_best, kWorst));
    return left < right || (left == right && trial < group.best_trial);
}

void check_columns(const Database& database, const std::vector<std::string>& columns) {
    const std::vector<std::string> known = columns_of(database, "leaderboard");
    for (const std::string& column : columns)
        if (std::count(known.begin(), known.end(), column) == 0)
            throw UserError("the leaderboard has no column '{}'{}; there are: {}", column, did_you_mean(column, known),
                            fmt::join(known, ", "));
}

std::vector<Group> read_groups(const Database& database, const std::vector<std::string>& columns,
                               const std::string& condition) {
    check_columns(database, columns);
    Statement rows = prepare_query(
        database, fmt::format("SELECT validation_accuracy, validation_loss, trial, frozen_layers, \"{}\" FROM {}"
                              " WHERE ({})",
                              fmt::join(columns, "\", \""), finished_trials(database, condition), condition));
    constexpr int kBefore = 4;  // columns before the key's
    std::unordered_map<std::string, std::size_t> places;
    std::vector<Group> groups;
    std::string key, trial;
    while (rows.step()) {
        key.clear();
        for (int column = kBefore; column < rows.columns(); ++column) add_to_key(rows.handle(), column, key);
        const double accuracy = rows.real(0), loss = rows.real(1);
        trial = rows.text(2);
        const auto [place, is_new] = places.try_emplace(key, groups.size());
        if (is_new) {
            groups.emplace_back();
            for (int column = kBefore; column < rows.columns(); ++column)
                groups.back().key.push_back(rows.cell(column));
        }
        Group& group = groups[place->second];
        if (is_new || beats_best_of(accuracy, loss, trial, group)) {
            group.best = accuracy;
            group.loss_of_best = loss;
            group.best_trial = trial;
        }
        group.accuracies.push_back(accuracy);
        group.frozen_layers += static_cast<double>(rows.integer(3));
    }
    std::sort(groups.begin(), groups.end(),
              [](const Group& a, const Group& b) { return beats_best_of(a.best, a.loss_of_best, a.best_trial, b); });
    return groups;
}

Cell number_cell(double value) {
    return std::isfinite(value) ? Cell(value) : Cell();
}

std::optional<double> number_in(const Cell& cell) {
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*integer);
    if (const auto* real = std::get_if<double>(&cell)) return *real;
    const auto* text = std::get_if<std::string>(&cell);
    if (!text || text->empty()) return std::nullopt;
    char* end = nullptr;
    const double value = std::strtod(text->c_str(), &end);
    return *end == '\0' ? std::optional(value) : std::nullopt;
}

/// The distinct values at one place of the groups' keys: freezes by their depth, numbers by their size.
std::vector<Cell> values_at(const std::vector<Group>& groups, std::size_t place, bool by_depth) {
    struct Value {
        double layers = 0, trials = 0;
    };
    std::map<Cell, Value> found;
    for (const Group& group : groups) {
        Value& value = found[group.key[place]];
        value.layers += group.frozen_layers;
        value.trials += static_cast<double>(group.accuracies.size());
    }
    std::vector<Cell> values;
    for (const auto& [value, ignored] : found) values.push_back(value);
    const auto weight = [&](const Cell& cell) {
        if (by_depth) return found.at(cell).layers / found.at(cell).trials;
        return number_in(cell).value_or(std::numeric_limits<double>::infinity());
    };
    std::stable_sort(values.begin(), values.end(), [&](const Cell& a, const Cell& b) { return weight(a) < weight(b); });
    return values;
}

std::string heading(const Cell& cell) {
    const auto* text = std::get_if<std::string>(&cell);
    return text ? *text : cell_text(cell, "");
}

/// Of the configurations in one cell the one with the best mean, of equal ones that with the best trial.
const Group* best_of(const std::vector<const Group*>& groups) {
    const auto less = [](const Group* a, const Group* b) {
        const double left = summary_of(a->accuracies).mean, right = summary_of(b->accuracies).mean;
        return std::isnan(left) ? !std::isnan(right) : left < right;
    };
    return *std::max_element(groups.begin(), groups.end(), less);
}

Summary summary_of_cell(const std::vector<const Group*>& groups, PivotCell cell) {
    if (groups.empty()) return {0, kNotANumber, kNotANumber};
    if (cell == PivotCell::best) return summary_of(best_of(groups)->accuracies);
    std::vector<double> all;
    for (const Group* group : groups) all.insert(all.end(), group->accuracies.begin(), group->accuracies.end());
    return summary_of(all);
}

}  // namespace

Summary summary_of(std::span<const double> values) {
    std::int64_t count = 0;
    double sum = 0, squares = 0;
    for (const double value : values) {
        if (std::isnan(value)) continue;
        sum += value;
        ++count;
    }
    const double mean = count > 0 ? sum / static_cast<double>(count) : kNotANumber;
    for (const double value : values)
        if (!std::isnan(value)) squares += (value - mean) * (value - mean);
    return {count, mean, count > 1 ? std::sqrt(squares / static_cast<double>(count - 1)) : kNotANumber};
}

Table group_table(const Database& database, const std::vector<std::string>& columns, const std::string& condition,
                  TableFormat format) {
    std::vector<Group> groups = read_groups(database, columns, condition);
    std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
        const double left = summary_of(a.accuracies).mean, right = summary_of(b.accuracies).mean;
        return std::isnan(right) ? !std::isnan(left) : left > right;
    });
    Table table{columns, {}};
    const bool for_people = is_for_people(format);
    const std::vector<std::string> more =
        for_people ? std::vector<std::string>{"trials", "accuracy", "best accuracy", "best trial"}
                   : std::vector<std::string>{"trials", "mean_validation_accuracy", "sd_validation_accuracy",
                                              "max_validation_accuracy", "best_trial"};
    table.columns.insert(table.columns.end(), more.begin(), more.end());
    for (const Group& group : groups) {
        const Summary summary = summary_of(group.accuracies);
        std::vector<Cell>& row = table.rows.emplace_back(group.key);
        row.emplace_back(static_cast<std::int64_t>(group.accuracies.size()));
        if (for_people) {
            row.emplace_back(mean_text(summary.mean, summary.sd));
        } else {
            row.push_back(number_cell(summary.mean));
            row.push_back(number_cell(summary.sd));
        }
        row.push_back(number_cell(group.best));
        row.emplace_back(group.best_trial);
    }
    return table;
}

Table pivot_table(const Database& database, const std::string& down, const std::string& across,
                  const std::string& condition, PivotCell cell, TableFormat format) {
    std::vector<std::string> columns = {down, across};
    if (cell == PivotCell::best) columns.emplace_back("configuration");
    const std::vector<Group> groups = read_groups(database, columns, condition);
    std::map<std::pair<Cell, Cell>, std::vector<const Group*>> cells;
    for (const Group& group : groups) cells[{group.key[0], group.key[1]}].push_back(&group);
    const std::vector<Cell> rows = values_at(groups, 0, down == "freeze"),
                            headings = values_at(groups, 1, across == "freeze");
    const bool for_people = is_for_people(format);
    Table table{{down}, {}};
    for (const Cell& value : headings) {
        table.columns.push_back(heading(value));
        if (for_people) continue;
        table.columns.push_back(heading(value) + "_sd");
        table.columns.push_back(heading(value) + "_n");
    }
    for (const Cell& value : rows) {
        std::vector<Cell>& row = table.rows.emplace_back(std::vector<Cell>{value});
        for (const Cell& other : headings) {
            const auto found = cells.find({value, other});
            const Summary summary =
                summary_of_cell(found == cells.end() ? std::vector<const Group*>() : found->second, cell);
            if (for_people) {
                row.emplace_back(mean_text(summary.mean, summary.sd));
                continue;
            }
            row.push_back(number_cell(summary.mean));
            row.push_back(number_cell(summary.sd));
            row.emplace_back(summary.count);
        }
    }
    return table;
}

}  // namespace thaw
