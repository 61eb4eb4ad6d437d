#include "results/store.hpp"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "results/database.hpp"
#include "results/migration.hpp"
#include "results/writer_lock.hpp"

namespace thaw {
namespace {

#define THAW_NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

/// A write-ahead log needs memory shared among its processes, which network file systems do not give.
bool on_network_file_system(const std::filesystem::path& path) {
    constexpr std::array<unsigned long, 9> kNetwork = {
        0x6969 /* nfs */,        0xfe534d42 /* smb2 */, 0xff534d42 /* cifs */,
        0x0bd00bd0 /* lustre */, 0x47504653 /* gpfs */, 0x19830326 /* beegfs */,
        0x00c36400 /* ceph */,   0x65735546 /* fuse */, 0x01021997 /* 9p */};
    struct statfs found {};
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    if (::statfs(folder.c_str(), &found) != 0) return false;
    return std::count(kNetwork.begin(), kNetwork.end(), static_cast<unsigned long>(found.f_type)) > 0;
}

/// The database ready for writing: whole, thaw's, with this schema.
Database open_for_writing(const std::filesystem::path& path) {
    Database database(path, Database::Mode::write);
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
    const bool network = on_network_file_system(path);
    database.execute(network ? "PRAGMA journal_mode = DELETE" : "PRAGMA journal_mode = WAL");
    database.execute(network ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    database.execute("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA cache_size = -65536");
    bring_up_to_date(database);
    return database;
}

}  // namespace

struct Store::Implementation {
    explicit Implementation(const std::filesystem::path& path) : lock(path), database(open_for_writing(path)) {}

    /// A statement of this file that SQLite refuses is a bug: its text and values are thaw's own.
    template <typename... Values>
    void write(Statement& statement, const Values&... values) {
        try {
            statement.with(values...).run();
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
    void insert_trials(const std::vector<Trial>& trials);

    WriterLock lock;
    Database database;
    std::int64_t sweep = 0;  // the row of the present invocation

    Statement bad_images = database.prepare("UPDATE sweeps SET bad_images = max(bad_images, ?2) WHERE id = ?1");
    Statement is_finished = database.prepare("SELECT 1 FROM trials WHERE id = ?1 AND state = 'finished'");
    Statement start = database.prepare(
        "UPDATE trials SET state = 'running', sweep = ?3, rank = ?2, started = coalesce(started, " THAW_NOW
        "), finished = NULL, seconds = NULL WHERE id = ?1");
    Statement epoch = database.prepare(
        "INSERT INTO epochs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, '')) ON CONFLICT (trial, epoch) DO UPDATE"
        " SET train_loss = ?3, train_accuracy = ?4, validation_loss = ?5, validation_accuracy = ?6, seconds = ?7,"
        " weights = nullif(?8, '')");
    Statement epochs_shown = database.prepare(
        "SELECT epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, seconds, weights FROM epochs"
        " WHERE trial = (SELECT id FROM trials WHERE id = ?1 AND state IN ('finished', 'stopped')) ORDER BY epoch");
    /// Of finished and stopped trials.
    Statement end = database.prepare("UPDATE trials SET state = ?2, finished = " THAW_NOW
                                     ", seconds = (SELECT sum(seconds) FROM epochs WHERE trial = ?1) WHERE id = ?1");
    Statement fail = database.prepare("UPDATE trials SET state = 'failed', finished = " THAW_NOW " WHERE id = ?1");
    Statement failure = database.prepare(
        "INSERT INTO failures (trial, sweep, failed, message, spec)"
        " SELECT id, ?2, " THAW_NOW ", ?3, spec FROM trials WHERE id = ?1");
    Statement stage = database.prepare(
        "INSERT INTO stages (sweep, kind, description, rank, trials, predicted_seconds, seconds, predicted_bytes, "
        "bytes,"
        " reused, error, computed, finished) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, " THAW_NOW ")");
};

std::int64_t Store::Implementation::insert_sweep(const SweepRecord& record, std::size_t trials) {
    database.execute("UPDATE sweeps SET outcome = 'interrupted' WHERE outcome IS NULL");
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
    return id;
}

void Store::Implementation::insert_trials(const std::vector<Trial>& trials) {
    Statement insert = database.prepare(
        "INSERT INTO trials (id, sweep, backbone, weights, freeze, frozen_layers, cut, pooling, head, dropout, "
        "optimizer,"
        " learning_rate, batch_size, epochs, seed, image_size, state, spec, precision)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 'waiting', ?17, ?18"
        " WHERE NOT EXISTS (SELECT 1 FROM trials WHERE id = ?1)");
    for (const Trial& trial : trials) {
        const std::string spec = to_json(trial).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        write(insert, trial.id, sweep, trial.backbone, trial.weights, trial.freeze, trial.frozen_layers, trial.cut,
              std::string(to_string(trial.head.pooling)), head_name(trial.head), dropout_name(trial.dropout),
              optimizer_name(trial.optimizer), trial.learning_rate, trial.batch_size, trial.epochs,
              static_cast<std::int64_t>(trial.seed), trial.image_size, spec, std::string(to_string(trial.precision)));
    }
}

Store::Store(const std::filesystem::path& path) : implementation_(std::make_unique<Implementation>(path)) {}

Store::~Store() = default;

void Store::begin_sweep(const SweepRecord& sweep, const std::vector<Trial>& trials) {
    Implementation& self = *implementation_;
    Transaction transaction(self.database);
    self.sweep = self.insert_sweep(sweep, trials.size());
    // What is neither finished nor stopped starts anew, as this invocation describes it; epochs go with their trial.
    self.database.execute("DELETE FROM trials WHERE state NOT IN ('finished', 'stopped')");
    self.insert_trials(trials);
    transaction.commit();
}

void Store::record_prediction(double seconds) {
    Implementation& self = *implementation_;
    Statement predict = self.database.prepare("UPDATE sweeps SET predicted_seconds = ?2 WHERE id = ?1");
    self.write(predict, self.sweep, seconds);
}

void Store::end_sweep(const std::string& outcome, double seconds) {
    Implementation& self = *implementation_;
    Statement end =
        self.database.prepare("UPDATE sweeps SET outcome = ?2, seconds = ?3, finished = " THAW_NOW " WHERE id = ?1");
    self.write(end, self.sweep, outcome, seconds);
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
        while (row.step())
            shown[trial.id].push_back({.epoch = static_cast<int>(row.integer(0)),
                                       .train_loss = row.real(1),
                                       .train_accuracy = row.real(2),
                                       .validation_loss = row.real(3),
                                       .validation_accuracy = row.real(4),
                                       .seconds = row.real(5),
                                       .weights = row.text(6)});
    }
    return shown;
}

void Store::start_trial(const std::string& id, int rank) {
    implementation_->write_trial(implementation_->start, id, rank, implementation_->sweep);
}

void Store::record_epoch(const std::string& id, const EpochRecord& epoch) {
    implementation_->write_trial(implementation_->epoch, id, epoch.epoch, epoch.train_loss, epoch.train_accuracy,
                                 epoch.validation_loss, epoch.validation_accuracy, epoch.seconds, epoch.weights);
}

void Store::finish_trial(const std::string& id) {
    implementation_->write_trial(implementation_->end, id, std::string("finished"));
}

void Store::stop_trial(const std::string& id) {
    implementation_->write_trial(implementation_->end, id, std::string("stopped"));
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
                           stage.reused ? 1 : 0, stage.error, stage.computed);
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
