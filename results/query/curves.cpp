#include "results/query/curves.hpp"

#include <fmt/format.h>

#include "results/query/leaderboard.hpp"
#include "results/query/query.hpp"
#include "results/query/trial_name.hpp"

namespace thaw {
namespace {

/// SQL's spelling of a text.
std::string sql_quoted(const std::string& text) {
    std::string sql = "'";
    for (const char c : text) sql += c == '\'' ? "''" : std::string(1, c);
    return sql + "'";
}

/// Every value of a trial that can be told from another's: its axes, its state, how it ended.
struct Traits {
    std::vector<std::string> names;
    std::vector<Cell> values;
};

Traits traits_of(const Database& database, const std::string& id) {
    Traits traits;
    for (const AxisRow& axis : kAxes) traits.names.emplace_back(axis.label);
    for (const char* name :
         {"frozen layers", "state", "result epoch", "validation accuracy", "best validation accuracy",
          "validation loss", "validation AUC", "validation top-5 accuracy", "seconds"})
        traits.names.emplace_back(name);
    Statement row = database.prepare(fmt::format(
        "SELECT {}, frozen_layers, state, result_epoch, final_validation_accuracy, best_validation_accuracy,"
        " final_validation_loss, final_validation_auc, final_validation_top5_accuracy, seconds FROM trials WHERE id = "
        "?1",
        axis_columns()));
    row.with(id);
    if (!row.step()) return traits;
    for (int column = 0; column < row.columns(); ++column) traits.values.push_back(row.cell(column));
    return traits;
}

Table differences(const Database& database, const std::string& first, const std::string& second) {
    const Traits one = traits_of(database, first), other = traits_of(database, second);
    Table table{{"what", first, second}, {}};
    for (std::size_t i = 0; i < one.names.size(); ++i) {
        if (one.values[i] == other.values[i]) continue;
        // As text: the columns' own names say nothing of what their cells are.
        table.rows.push_back(
            {one.names[i], cell_text(one.values[i], one.names[i]), cell_text(other.values[i], one.names[i])});
    }
    return table;
}

Table side_by_side(const Database& database, const std::string& first, const std::string& second) {
    return query_table(
        database,
        fmt::format("SELECT e.epoch, a.validation_accuracy AS \"accuracy {0:.8}\", b.validation_accuracy AS \"accuracy "
                    "{1:.8}\", a.validation_loss AS \"loss {0:.8}\", b.validation_loss AS \"loss {1:.8}\" FROM"
                    " (SELECT DISTINCT epoch FROM epochs WHERE trial IN ({2}, {3})) AS e"
                    " LEFT JOIN epochs AS a ON a.trial = {2} AND a.epoch = e.epoch"
                    " LEFT JOIN epochs AS b ON b.trial = {3} AND b.epoch = e.epoch ORDER BY e.epoch",
                    first, second, sql_quoted(first), sql_quoted(second)));
}

}  // namespace

std::string curves_text(const Database& database, const std::string& trial, TableFormat format) {
    const std::string id = find_trial(database, trial), of_trial = "FROM epochs WHERE trial = " + sql_quoted(id);
    const bool for_people = is_for_people(format);
    std::string columns = "epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, seconds";
    const auto add = [&](const char* column, const char* where_people_care) {
        if (!for_people || database.number(fmt::format("SELECT {} {}", where_people_care, of_trial)) > 0)
            columns += fmt::format(", {}", column);
    };
    add("learning_rate", "min(learning_rate) <> max(learning_rate)");
    add("validation_auc", "count(validation_auc)");
    add("validation_top5_accuracy", "count(validation_top5_accuracy)");
    const Table table = query_table(database, fmt::format("SELECT {} {} ORDER BY epoch", columns, of_trial));
    if (!for_people) return to_string(table, format);
    return fmt::format("{}: {}\n\n{}", id, describe_trial(database, id),
                       table.rows.empty() ? "No epoch is done yet.\n" : to_string(table, format));
}

std::string diff_text(const Database& database, const std::string& first, const std::string& second,
                      TableFormat format) {
    const std::string one = find_trial(database, first), other = find_trial(database, second);
    const Table traits = differences(database, one, other), curves = side_by_side(database, one, other);
    const std::string top = to_string(traits, format), bottom = to_string(curves, format);
    if (format == TableFormat::json) return fmt::format("{{\"differences\": {},\n\"curves\": {}}}\n", top, bottom);
    if (format == TableFormat::csv) return top + "\n" + bottom;
    return (traits.rows.empty() ? "They do not differ.\n" : top) + "\n" + bottom;
}

}  // namespace thaw
