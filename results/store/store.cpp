#include "results/store/store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "common/util/error.hpp"
#include "results/store/axes.hpp"
#include "results/store/database.hpp"
#include "results/store/derived.hpp"
#include "results/store/epochs.hpp"
#include "results/store/journal.hpp"
#include "results/store/migration.hpp"
#include "results/store/predictions.hpp"
#include "results/store/writer_lock.hpp"

namespace thaw {
namespace {

constexpr double kWrittenAsNull = std::numeric_limits<double>::quiet_NaN();  // is written as NULL

#define THAW_NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

/// Brings the database into the wanted mode, also one that was last written in the other.
void set_journal(Database& database, Journal journal) {
    const char* wanted = journal == Journal::rollback ? "delete" : "wal";
    Statement set = database.prepare(fmt::format("PRAGMA journal_mode = {}", wanted));
    const std::string mode = set.step() ? set.text(0) : "";
    if (mode != wanted)
        throw UserError(
            "{} is kept in the journal mode {}, and {} is wanted here; close what else has it open, then run "
            "the same command again",
            database.path().string(), mode, wanted);
    set.run();
    database.execute(journal == Journal::rollback ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

/// The database ready for writing: whole, thaw's, with this schema.
Database open_for_writing(const std::filesystem::path& path, Journal journal) {
    Database database(path, Database::Mode::write);
    // A log that another file system's run has left is then read without the memory that processes share.
    if (journal == Journal::rollback) database.execute("PRAGMA locking_mode = EXCLUSIVE");
    const bool known = has_schema(database);
    if (sqlite3_db_readonly(database.handle(), "main") == 1)
        throw UserError("{} is read-only; make it writable (chmod u+w), or name another folder", path.string());
    if (known) {
        Statement verdict = database.prepare("PRAGMA quick_check(1)");
        if (verdict.step() && verdict.text(0) != "ok")
            throw UserError(
                "{} is damaged ({}); restore a copy of it, or move it away and run the sweep again (its cache and "
                "checkpoints are kept)",
                path.string(), verdict.text(0));
    }
    set_journal(database, journal);
    database.execute("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA cache_size = -65536");
    bring_up_to_date(database);
    add_configuration_function(database);
    // Let go of at the next read: others may look at the results meanwhile.
    if (journal == Journal::rollback) database.execute("PRAGMA locking_mode = NORMAL; SELECT count(*) FROM trials");
    return database;
}

}  // namespace

struct Store::Implementation {
    Implementation(const std::filesystem::path& path, Journal journal)
        : lock(path), database(open_for_writing(path, journal)) {}

    /// A statement of this file that SQLite refuses is a bug: its text and values are thaw's own.
    template <typename... Values>
    void write(Statement& statement, const Values&... values) {
        statement.with(values...);
        run(statement);
    }
    void run(Statement& statement) {
        try {
            statement.run();
        } catch (const StatementError& error) {
            THAW_CHECK(false, "{}: {}", sqlite3_sql(statement.handle()), error.what());
        }
    }
    /// For a statement about one trial, which must be there.
    template <typename... Values>
    void write_trial(Statement& statement, const std::string& id, const Values&... values) {
        write(statement, id, values...);
        THAW_CHECK(database.changes() == 1, "no trial {} in {}", id, database.path().string());
    }
    std::int64_t insert_sweep(const SweepRecord& sweep, std::size_t trials);
    void insert_images(const std::string& data_fingerprint, const char* part, const std::vector<ImageRecord>& images);
    void predict(const std::string& id, const char* part, const std::vector<int>& predicted);
    void count_deaths(const std::vector<CrashReport>& reports);
    void insert_trials(const std::vector<Trial>& trials, std::int64_t data);
    void note_wall_seconds();

    WriterLock lock;
    Database database;
    std::int64_t sweep = 0;  // the row of the present invocation
    std::chrono::steady_clock::time_point begun, noted;

    Statement bad_images = database.prepare("UPDATE sweeps SET bad_images = max(bad_images, ?2) WHERE id = ?1");
    Statement wall = database.prepare("UPDATE sweeps SET wall_seconds = ?2 WHERE id = ?1");
    Statement is_finished = database.prepare("SELECT 1 FROM trials WHERE id = ?1 AND state = 'finished'");
    Statement start = database.prepare(
        "UPDATE trials SET state = 'running', sweep = ?3, rank = ?2, started = coalesce(started, " THAW_NOW
        "), finished = NULL, seconds = NULL, last_epoch = NULL, final_train_loss = NULL, final_train_accuracy = NULL,"
        " final_validation_loss = NULL, final_validation_accuracy = NULL, best_validation_accuracy = NULL,"
        " best_epoch = NULL, result_epoch = NULL, final_validation_auc = NULL, final_validation_top5_accuracy = NULL"
        " WHERE id = ?1");
    Statement overdue = database.prepare(
        "INSERT INTO attempts (trial, deaths, epochs, overdue) VALUES (?1, 0, 0, ?2)"
        " ON CONFLICT (trial) DO UPDATE SET overdue = ?2");
    Statement pause = database.prepare("UPDATE trials SET state = 'waiting' WHERE id = ?1");
    Statement epoch = database.prepare(
        "INSERT INTO epochs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, ''), nullif(?9, 0.0), ?10, ?11)"
        " ON CONFLICT (trial, epoch) DO UPDATE SET train_loss = ?3, train_accuracy = ?4, validation_loss = ?5,"
        " validation_accuracy = ?6, seconds = ?7, weights = nullif(?8, ''), learning_rate = nullif(?9, 0.0),"
        " validation_auc = ?10, validation_top5_accuracy = ?11");
    Statement prediction = database.prepare("INSERT INTO predictions VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING");
    Statement epochs_shown = database.prepare(
        fmt::format("SELECT {} FROM epochs WHERE trial = (SELECT id FROM trials WHERE id = ?1 AND state IN ('finished',"
                    " 'stopped')) ORDER BY epoch",
                    kEpochColumns));
    /// Of finished and stopped trials.
    Statement end =
        database.prepare(fmt::format("UPDATE trials SET state = ?2, finished = " THAW_NOW
                                     ", seconds = (SELECT sum(seconds) FROM epochs WHERE trial = ?1), {} WHERE id = ?1",
                                     end_from_epochs("?3")));
    Statement average =
        database.prepare(average_statement("configuration = (SELECT configuration FROM trials WHERE id = ?1)"));
    Statement fail = database.prepare("UPDATE trials SET state = 'failed', finished = " THAW_NOW " WHERE id = ?1");
    Statement failure = database.prepare(
        "INSERT INTO failures (trial, sweep, failed, message, spec)"
        " SELECT id, ?2, " THAW_NOW ", ?3, spec FROM trials WHERE id = ?1");
    Statement stage = database.prepare(
        "INSERT INTO stages (sweep, kind, description, rank, trials, predicted_seconds, seconds, predicted_bytes, "
        "bytes,"
        " reused, error, computed, ranks, finished) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
        "?13, " THAW_NOW ")");
};

std::int64_t Store::Implementation::insert_sweep(const SweepRecord& record, std::size_t trials) {
    database.execute("UPDATE sweeps SET outcome = 'killed' WHERE outcome IS NULL");
    const std::string classes =
        nlohmann::json(record.classes).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    Statement insert = database.prepare(
        "INSERT INTO sweeps (name, yaml, command_line, data_folder, data_fingerprint, classes, train_images,"
        " validation_images, test_images, bad_images, trials, started)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, " THAW_NOW ")");
    write(insert, record.name, record.yaml, record.command_line, record.data_folder, record.data_fingerprint, classes,
          record.train_images, record.validation_images, record.test_images, record.bad_images,
          static_cast<std::int64_t>(trials));
    const std::int64_t id = sqlite3_last_insert_rowid(database.handle());
    Statement describe = database.prepare("INSERT INTO environment VALUES (?1, ?2, ?3)");
    for (const auto& [name, value] : record.environment) write(describe, id, name, value);
    Statement finding = database.prepare("INSERT INTO findings VALUES (?1, ?2, ?3)");
    std::int64_t place = 0;
    for (const std::string& text : record.findings) write(finding, id, place++, text);
    insert_images(record.data_fingerprint, "validation", record.validation);
    insert_images(record.data_fingerprint, "test", record.test);
    return id;
}

void Store::Implementation::insert_images(const std::string& data_fingerprint, const char* part,
                                          const std::vector<ImageRecord>& images) {
    Statement insert = database.prepare("INSERT INTO images VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING");
    Statement copy = database.prepare("INSERT INTO trained_copies VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING");
    std::int64_t place = 0;
    for (const ImageRecord& image : images) {
        if (!image.trained_copy.empty()) write(copy, data_fingerprint, std::string(part), place, image.trained_copy);
        write(insert, data_fingerprint, std::string(part), place++, image.path, image.label);
    }
}

void Store::Implementation::predict(const std::string& id, const char* part, const std::vector<int>& predicted) {
    write(prediction, id, std::string(part), Bytes{packed_classes(predicted)});
}

/// Who is running now was so when an earlier world died.
void Store::Implementation::count_deaths(const std::vector<CrashReport>& reports) {
    database.execute("CREATE TEMP TABLE blamed (trial TEXT PRIMARY KEY, reason TEXT NOT NULL)");
    Statement blame = database.prepare("INSERT INTO blamed VALUES (?1, ?2) ON CONFLICT DO NOTHING");
    for (const CrashReport& report : reports)
        for (const std::string& trial : report.trials) write(blame, trial, report.reason);
    database.execute(
        "INSERT INTO blamed SELECT trial, 'an epoch took many times as long as predicted' FROM attempts WHERE overdue"
        " ON CONFLICT DO NOTHING;"
        "INSERT INTO attempts SELECT id, blamed.trial IS NOT NULL, (SELECT coalesce(max(epoch), 0) FROM epochs"
        " WHERE trial = id), 0, coalesce(blamed.reason, '') FROM trials LEFT JOIN blamed ON blamed.trial = id"
        " WHERE state = 'running' ON CONFLICT (trial) DO UPDATE SET deaths = iif(excluded.epochs > epochs, 0, deaths) +"
        " excluded.deaths, epochs = max(epochs, excluded.epochs), reason = coalesce(nullif(excluded.reason, ''),"
        " reason);"
        "UPDATE attempts SET overdue = 0; DROP TABLE blamed");
}

void Store::Implementation::insert_trials(const std::vector<Trial>& trials, std::int64_t data) {
    std::vector<std::string> columns = {"id", "sweep", "spec", "data", "frozen_layers", "cut", "base_layers"}, values;
    for (const AxisRow& axis : kAxes) columns.emplace_back(axis.name);
    for (std::size_t i = 0; i < columns.size(); ++i) values.push_back(fmt::format("?{} AS {}", i + 1, columns[i]));
    Statement insert = database.prepare(
        fmt::format("INSERT INTO trials ({}, state, configuration) SELECT *, 'waiting', {} FROM (SELECT {})"
                    " WHERE NOT EXISTS (SELECT 1 FROM trials WHERE id = ?1)",
                    fmt::join(columns, ", "), configuration_call(), fmt::join(values, ", ")));
    for (const Trial& trial : trials) {
        const std::string spec = to_json(trial).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        std::vector<Cell> cells = {trial.id,
                                   sweep,
                                   spec,
                                   data,
                                   std::int64_t{trial.frozen_layers},
                                   std::int64_t{trial.cut},
                                   std::int64_t{trial.base_layers}};
        for (Cell& value : values_of(trial)) cells.push_back(std::move(value));
        run(insert.with_cells(cells));
    }
}

/// Now and then, so that also one that is killed has its time.
void Store::Implementation::note_wall_seconds() {
    const auto now = std::chrono::steady_clock::now();
    if (noted != std::chrono::steady_clock::time_point() && now - noted < std::chrono::seconds(1)) return;
    noted = now;
    write(wall, sweep, std::chrono::duration<double>(now - begun).count());
}

Store::Store(const std::filesystem::path& path) : Store(path, journal_at(path)) {}

Store::Store(const std::filesystem::path& path, Journal journal)
    : implementation_(std::make_unique<Implementation>(path, journal)) {}

Store::~Store() = default;

void Store::begin_sweep(const SweepRecord& sweep, const std::vector<Trial>& trials,
                        const std::vector<CrashReport>& reports) {
    Implementation& self = *implementation_;
    Transaction transaction(self.database);
    self.sweep = self.insert_sweep(sweep, trials.size());
    self.begun = sweep.begun;
    self.noted = {};
    self.note_wall_seconds();
    self.count_deaths(reports);
    // What is neither finished nor stopped starts anew, as this invocation describes it; epochs go with their trial.
    self.database.execute("DELETE FROM trials WHERE state NOT IN ('finished', 'stopped')");
    const std::int64_t data = self.database.number(
        "SELECT min(id) FROM sweeps WHERE data_fingerprint ="
        " (SELECT data_fingerprint FROM sweeps ORDER BY id DESC LIMIT 1)");
    self.insert_trials(trials, data);
    refresh_axis_ranges(self.database, data);
    transaction.commit();
}

void Store::record_prediction(double seconds) {
    Implementation& self = *implementation_;
    Statement predict = self.database.prepare("UPDATE sweeps SET predicted_seconds = ?2 WHERE id = ?1");
    self.write(predict, self.sweep, seconds);
}

void Store::end_sweep(RunOutcome outcome, double seconds, const std::string& message) {
    Implementation& self = *implementation_;
    Statement end = self.database.prepare(
        "UPDATE sweeps SET outcome = ?2, seconds = ?3, message = ?4, finished = " THAW_NOW " WHERE id = ?1");
    Transaction transaction(self.database);
    self.write(end, self.sweep, std::string(word_of(outcome)), seconds, message);
    self.noted = {};
    self.note_wall_seconds();
    self.database.execute("UPDATE trials SET state = 'waiting' WHERE state = 'running'");
    if (outcome == RunOutcome::ok) self.database.execute("DELETE FROM attempts");
    transaction.commit();
}

std::map<std::string, Store::Deaths> Store::deaths() const {
    Statement rows = implementation_->database.prepare("SELECT trial, deaths, reason FROM attempts WHERE deaths > 0");
    std::map<std::string, Deaths> deaths;
    while (rows.step()) deaths[rows.text(0)] = {static_cast<int>(rows.integer(1)), rows.text(2)};
    return deaths;
}

void Store::set_overdue(const std::vector<std::string>& ids, bool overdue) {
    together([&] {
        for (const std::string& id : ids) implementation_->write(implementation_->overdue, id, overdue ? 1 : 0);
    });
}

std::vector<std::string> Store::finished(const std::vector<Trial>& trials) const {
    Statement& query = implementation_->is_finished;
    std::vector<std::string> ids;
    for (const Trial& trial : trials) {
        if (query.with(trial.id).step()) ids.push_back(trial.id);
    }
    query.with();  // an unfinished read would hold back the log's checkpoint
    return ids;
}

std::map<std::string, std::vector<EpochRecord>> Store::shown(const std::vector<Trial>& trials) const {
    Statement& row = implementation_->epochs_shown;
    std::map<std::string, std::vector<EpochRecord>> shown;
    for (const Trial& trial : trials) {
        row.with(trial.id);
        while (row.step()) shown[trial.id].push_back(read_epoch(row));
    }
    return shown;
}

void Store::start_trial(const std::string& id, int rank) {
    implementation_->write_trial(implementation_->start, id, rank, implementation_->sweep);
}

void Store::record_epoch(const std::string& id, const EpochRecord& epoch) {
    implementation_->write_trial(implementation_->epoch, id, epoch.epoch, epoch.train_loss, epoch.train_accuracy,
                                 epoch.validation_loss, epoch.validation_accuracy, epoch.seconds, epoch.weights,
                                 epoch.learning_rate, epoch.validation_auc.value_or(kWrittenAsNull),
                                 epoch.validation_top5_accuracy.value_or(kWrittenAsNull));
    if (!epoch.predicted.empty()) implementation_->predict(id, "validation", epoch.predicted);
    implementation_->note_wall_seconds();
}

void Store::record_test(const std::string& id, const std::vector<int>& predicted) {
    implementation_->predict(id, "test", predicted);
}

void Store::pause_trial(const std::string& id) {
    implementation_->write_trial(implementation_->pause, id);
}

void Store::finish_trial(const std::string& id, int result_epoch) {
    together([&] {
        const double result = result_epoch > 0 ? static_cast<double>(result_epoch) : kWrittenAsNull;
        implementation_->write_trial(implementation_->end, id, std::string("finished"), result);
        implementation_->write(implementation_->average, id);
    });
}

void Store::stop_trial(const std::string& id) {
    implementation_->write_trial(implementation_->end, id, std::string("stopped"), kWrittenAsNull);
}

void Store::fail_trial(const std::string& id, const std::string& message) {
    together([&] {
        implementation_->write_trial(implementation_->fail, id);
        implementation_->write_trial(implementation_->failure, id, implementation_->sweep, message);
    });
}

void Store::record_stage(const StageRecord& stage) {
    implementation_->write(implementation_->stage, implementation_->sweep, stage.kind, stage.description, stage.rank,
                           stage.trials, stage.predicted_seconds, stage.seconds, stage.predicted_bytes, stage.bytes,
                           stage.reused ? 1 : 0, stage.error, stage.computed, stage.ranks);
    implementation_->note_wall_seconds();
}

void Store::record_bad_images(int images) {
    implementation_->write(implementation_->bad_images, implementation_->sweep, images);
}

void Store::together(const std::function<void()>& writes) {
    const bool inside_another = sqlite3_get_autocommit(implementation_->database.handle()) == 0;
    if (inside_another) return writes();
    Transaction transaction(implementation_->database);
    writes();
    transaction.commit();
}

#undef THAW_NOW

}  // namespace thaw
