#include "results/store/derived.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "results/store/axes.hpp"

namespace thaw {
namespace {

/// Numbers are written so that they read back exactly.
std::string value_text(sqlite3_value* value) {
    switch (sqlite3_value_type(value)) {
        case SQLITE_INTEGER:
            return fmt::format("{}", sqlite3_value_int64(value));
        case SQLITE_FLOAT:
            return fmt::format("{}", sqlite3_value_double(value));
        default:
            break;
    }
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
    return text ? std::string(text, static_cast<std::size_t>(sqlite3_value_bytes(value))) : std::string();
}

void hash_values(sqlite3_context* context, int count, sqlite3_value** values) {
    Fingerprint fingerprint;
    for (int i = 0; i < count; ++i)
        if (sqlite3_value_type(values[i]) != SQLITE_NULL) fingerprint.add(value_text(values[i]));
    const std::string hex = fingerprint.hex().substr(0, 16);
    sqlite3_result_text(context, hex.data(), static_cast<int>(hex.size()), SQLITE_TRANSIENT);
}

}  // namespace

void add_configuration_function(Database& database) {
    const int code = sqlite3_create_function_v2(database.handle(), "thaw_configuration", -1,
                                                SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, nullptr,
                                                hash_values, nullptr, nullptr, nullptr);
    THAW_CHECK(code == SQLITE_OK, "{}", sqlite3_errmsg(database.handle()));
}

std::string end_from_epochs(const std::string& result_epoch) {
    return fmt::format(R"sql(
last_epoch = (SELECT max(epoch) FROM epochs WHERE trial = trials.id),
(result_epoch, final_train_loss, final_train_accuracy, final_validation_loss, final_validation_accuracy,
 final_validation_auc, final_validation_top5_accuracy) =
    (SELECT epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, validation_auc,
            validation_top5_accuracy
     FROM epochs WHERE trial = trials.id AND epoch = coalesce({}, epoch) ORDER BY epoch DESC LIMIT 1),
(best_validation_accuracy, best_epoch) =
    (SELECT validation_accuracy, epoch
     FROM epochs WHERE trial = trials.id ORDER BY validation_accuracy DESC, epoch LIMIT 1))sql",
                       result_epoch);
}

std::string configuration_call() {
    // Two spellings of one depth are one configuration: `freeze` and `until` are told by what they stand for. Later
    // axes count only where they are not as usual, so that configurations from before are what they were.
    std::vector<std::string> values = {"frozen_layers", "cut"};
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) {
        const std::string column = kAxes[axis].name;
        if (axis == kFreezeAxis || axis == kSeedAxis) continue;
        if (axis < kFirstLaterAxis)
            values.push_back(column);
        else if (column == "until")
            values.emplace_back("iif(base_layers = 0, NULL, 'base_layers=' || base_layers)");
        else if (axis == kFoldAxis)
            values.emplace_back("iif(fold = 'none', NULL, 'folds=' || substr(fold, instr(fold, '/') + 1))");
        else
            values.push_back(fmt::format("iif({0} = {1}, NULL, '{0}=' || {0})", column, usual_sql(kAxes[axis])));
    }
    return fmt::format("thaw_configuration(data, {})", fmt::join(values, ", "));
}

std::string average_statement(const std::string& condition) {
    return fmt::format(R"sql(
WITH means AS (
    SELECT configuration, data, count(*) AS trials, count(final_validation_accuracy) AS seeds,
           avg(final_validation_accuracy) AS mean, avg(final_validation_loss) AS loss,
           avg(final_train_accuracy) AS train, avg(best_validation_accuracy) AS best, avg(seconds) AS seconds
    FROM trials WHERE state = 'finished' AND {} GROUP BY configuration)
INSERT OR REPLACE INTO averages (configuration, data, trials, seeds, validation_accuracy, sd_validation_accuracy,
                                 validation_loss, train_accuracy, best_validation_accuracy, seconds, best_trial)
SELECT configuration, data, trials, seeds, mean,
       iif(seeds > 1,
           (SELECT sqrt(sum((final_validation_accuracy - mean) * (final_validation_accuracy - mean)) / (seeds - 1))
            FROM trials WHERE configuration = means.configuration AND state = 'finished'),
           NULL),
       loss, train, best, seconds,
       (SELECT id FROM trials WHERE configuration = means.configuration AND state = 'finished'
        ORDER BY final_validation_accuracy DESC, final_validation_loss IS NULL, final_validation_loss, id LIMIT 1)
FROM means)sql",
                       condition);
}

void refresh_axis_ranges(Database& database, std::int64_t data) {
    std::vector<std::string> extremes, rows;
    for (const AxisRow& axis : kAxes) {
        extremes.push_back(fmt::format("min({0}) AS least_{0}, max({0}) AS greatest_{0}", axis.name));
        rows.push_back(fmt::format("SELECT ?1, '{0}', least_{0}, greatest_{0} FROM extremes", axis.name));
    }
    Statement clear = database.prepare("DELETE FROM axis_ranges WHERE data = ?1");
    clear.with(data).run();
    // All of the table is read: by an index one would come to its rows in no order.
    Statement fill = database.prepare(
        fmt::format("WITH extremes AS MATERIALIZED (SELECT count(*) AS trials, {} FROM trials WHERE +data = ?1) "
                    "INSERT INTO axis_ranges SELECT * FROM ({}) WHERE (SELECT trials FROM extremes) > 0",
                    fmt::join(extremes, ", "), fmt::join(rows, " UNION ALL ")));
    fill.with(data).run();
}

}  // namespace thaw
