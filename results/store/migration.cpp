#include "results/store/migration.hpp"

#include <fmt/format.h>

#include <array>
#include <set>
#include <vector>

#include "results/store/axes.hpp"
#include "results/store/derived.hpp"
#include "results/store/embedded.hpp"

namespace thaw {
namespace {

/// From each schema to the next, beginning with schema 1: what changes of what is there. What is new as a whole (a
/// table, a view) needs no step: schema.sql adds it, and makes anew a view that a step has dropped. Nor does a new
/// axis: see add_missing_axes().
constexpr std::array<const char*, kSchemaVersion - 1> kSteps = {
    "ALTER TABLE stages ADD COLUMN computed INTEGER;",

    "DROP VIEW leaderboard;"                            // which read `weights` where epochs now have such a column too
    "DROP VIEW axis_effects; DROP VIEW failed_trials;"  // which now have a column more
    "ALTER TABLE trials ADD COLUMN precision TEXT NOT NULL DEFAULT 'fp32';"
    "ALTER TABLE epochs ADD COLUMN weights TEXT;"
    "ALTER TABLE sweeps ADD COLUMN predicted_seconds REAL;"
    "ALTER TABLE sweeps ADD COLUMN seconds REAL;"
    "UPDATE sqlite_schema SET sql = replace(sql, '''running'', ''finished''', '''running'', ''stopped'', ''finished''')"
    " WHERE type = 'table' AND name = 'trials';",

    "ALTER TABLE stages ADD COLUMN ranks INTEGER NOT NULL DEFAULT 1;",

    "DROP VIEW comparable_trials; DROP VIEW IF EXISTS leaderboard; DROP VIEW IF EXISTS stopped_trials;"  // made anew
    "DROP INDEX trials_by_state; DROP TRIGGER finished_trial_stays;"
    "ALTER TABLE trials ADD COLUMN data INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE trials ADD COLUMN configuration TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE trials ADD COLUMN last_epoch INTEGER;"
    "ALTER TABLE trials ADD COLUMN final_train_loss REAL;"
    "ALTER TABLE trials ADD COLUMN final_train_accuracy REAL;"
    "ALTER TABLE trials ADD COLUMN final_validation_loss REAL;"
    "ALTER TABLE trials ADD COLUMN final_validation_accuracy REAL;"
    "ALTER TABLE trials ADD COLUMN best_validation_accuracy REAL;"
    "ALTER TABLE trials ADD COLUMN best_epoch INTEGER;"
    "UPDATE trials SET data = (SELECT min(same.id) FROM sweeps JOIN sweeps AS same USING (data_fingerprint)"
    " WHERE sweeps.id = trials.sweep);",

    "DROP VIEW IF EXISTS leaderboard; DROP VIEW IF EXISTS configurations; DROP VIEW IF EXISTS axis_effects;"
    "DROP VIEW IF EXISTS failed_trials; DROP VIEW IF EXISTS stopped_trials;"  // which now have more columns
    "DROP TRIGGER IF EXISTS finished_trial_stays;"
    "ALTER TABLE trials ADD COLUMN until TEXT NOT NULL DEFAULT 'none';"
    "ALTER TABLE trials ADD COLUMN loss TEXT NOT NULL DEFAULT 'categorical_crossentropy';"
    "ALTER TABLE trials ADD COLUMN label_smoothing REAL NOT NULL DEFAULT 0;"
    "ALTER TABLE trials ADD COLUMN class_weights TEXT NOT NULL DEFAULT 'none';"
    "ALTER TABLE trials ADD COLUMN schedule TEXT NOT NULL DEFAULT 'constant';"
    "ALTER TABLE trials ADD COLUMN early_stopping TEXT NOT NULL DEFAULT 'none';"
    "ALTER TABLE trials ADD COLUMN augment TEXT NOT NULL DEFAULT 'none';"
    "ALTER TABLE trials ADD COLUMN fold TEXT NOT NULL DEFAULT 'none';"
    "ALTER TABLE trials ADD COLUMN phases TEXT NOT NULL DEFAULT 'none';"
    "ALTER TABLE trials ADD COLUMN base_layers INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE trials ADD COLUMN result_epoch INTEGER;"
    "ALTER TABLE trials ADD COLUMN final_validation_auc REAL;"
    "ALTER TABLE trials ADD COLUMN final_validation_top5_accuracy REAL;"
    "ALTER TABLE epochs ADD COLUMN learning_rate REAL;"
    "ALTER TABLE epochs ADD COLUMN validation_auc REAL;"
    "ALTER TABLE epochs ADD COLUMN validation_top5_accuracy REAL;"
    "UPDATE trials SET result_epoch = last_epoch;",

    // Deaths that were counted before were not asked for a reason.
    "DROP TABLE IF EXISTS attempts;",

    ""};  // tables alone

/// SQLite has no statement that changes a constraint. Its documentation (ALTER TABLE, "Making Other Kinds Of Table
/// Schema Changes") has the schema's own text changed instead, where that leaves what is stored valid, and then marked
/// as another one, so that every connection reads it anew.
void take_steps(Database& database, std::int64_t from) {
    const auto defend = [&](int on) { sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_DEFENSIVE, on, nullptr); };
    defend(0);
    database.execute("PRAGMA writable_schema = ON");
    for (auto step = static_cast<std::size_t>(from); step < kSchemaVersion; ++step) database.execute(kSteps[step - 1]);
    database.execute(fmt::format("PRAGMA schema_version = {}", database.number("PRAGMA schema_version") + 1));
    database.execute("PRAGMA writable_schema = RESET");
    defend(1);
}

std::vector<std::size_t> missing_axes(const Database& database) {
    std::set<std::string> there;
    Statement columns = database.prepare("SELECT name FROM pragma_table_info('trials')");
    while (columns.step()) there.insert(columns.text(0));
    std::vector<std::size_t> missing;
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis)
        if (!there.contains(kAxes[axis].name)) missing.push_back(axis);
    return missing;
}

/// Trials from before an axis have its default. Views that list axes are dropped: schema.sql makes them anew.
void add_missing_axes(Database& database) {
    const std::vector<std::size_t> missing = missing_axes(database);
    if (missing.empty()) return;
    for (const char* view : {"leaderboard", "configurations", "axis_effects", "failed_trials", "stopped_trials"})
        database.execute(fmt::format("DROP VIEW IF EXISTS {}", view));
    for (const std::size_t axis : missing)
        database.execute(fmt::format("ALTER TABLE trials ADD COLUMN {}", column_sql(axis)));
}

/// Since schema 5 trials say themselves what they can be compared with, and where they ended.
void complete_trials(Database& database) {
    add_configuration_function(database);
    database.execute(fmt::format("UPDATE trials SET configuration = {}", configuration_call()));
    database.execute(fmt::format("UPDATE trials SET {} WHERE state IN ('finished', 'stopped')", end_from_epochs()));
}

void refresh_all_axis_ranges(Database& database) {
    std::vector<std::int64_t> data;
    Statement rows = database.prepare("SELECT DISTINCT data FROM trials");
    while (rows.step()) data.push_back(rows.integer(0));
    for (const std::int64_t one : data) refresh_axis_ranges(database, one);
}

}  // namespace

bool is_up_to_date(const Database& database) {
    return database.number("PRAGMA user_version") == kSchemaVersion && missing_axes(database).empty();
}

void bring_up_to_date(Database& database) {
    if (is_up_to_date(database)) return;
    const auto version = database.number("PRAGMA user_version");  // 0: it is empty
    Transaction transaction(database);
    const bool derives_nothing = version > 0 && version < 5;
    if (version > 0 && version < kSchemaVersion) take_steps(database, version);
    if (version > 0) add_missing_axes(database);
    if (derives_nothing) complete_trials(database);
    database.execute(with_axes(kSchemaSql));
    if (derives_nothing) database.execute(average_statement("true"));
    if (version > 0) refresh_all_axis_ranges(database);
    database.execute(
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, kSchemaVersion));
    transaction.commit();
}

}  // namespace thaw
