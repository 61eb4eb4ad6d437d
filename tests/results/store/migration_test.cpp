// Databases that an older thaw wrote: readable as they are, and whole in the present schema once they are written
// again.
#include <gmock/gmock.h>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "results/query/query.hpp"
#include "results/report/report_data.hpp"
#include "results/store/axes.hpp"
#include "results/store/store.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// What thaw wrote: a finished trial, one that failed, one that was killed; and what a user has added to it.
constexpr const char* kRows = R"sql(
INSERT INTO sweeps (id, name, yaml, command_line, data_folder, data_fingerprint, classes, train_images,
                    validation_images, test_images, bad_images, trials, started, finished, outcome) VALUES (1, 'old', 'yaml', 'thaw run', '/data', 'f1', '["a","b"]', 8, 4, 0, 1, 3, 't0', 't1', 'ok');
INSERT INTO environment VALUES (1, 'host', 'atlas');
INSERT INTO trials (id, sweep, backbone, weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer,
                    learning_rate, batch_size, epochs, seed, image_size, state, rank, started, finished, seconds, spec)
                   VALUES ('one', 1, 'resnet50', 'imagenet', 'all', 9, 9, 'avg', '64', '0.5', 'adam', 0.001, 16, 2, 1,
                           224, 'running', 0, 't0', 't1', 3.5, '{}'),
                          ('two', 1, 'resnet50', 'imagenet', 'all', 9, 9, 'avg', '64', '0.5', 'adam', 0.002, 16, 2, 1,
                           224, 'failed', 0, 't0', 't1', NULL, '{}'),
                          ('three', 1, 'resnet50', 'imagenet', 'all', 9, 9, 'avg', '64', '0.5', 'adam', 0.003, 16, 2, 1,
                           224, 'running', 0, 't0', NULL, NULL, '{}');
INSERT INTO epochs (trial, epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, seconds)
                   VALUES ('one', 1, 0.9, 0.5, 0.8, 0.6, 1.5), ('one', 2, 0.7, 0.6, NULL, 0.7, 2),
                          ('three', 1, 0.9, 0.5, 0.8, 0.6, 1.5);
UPDATE trials SET state = 'finished' WHERE id = 'one';
INSERT INTO failures VALUES (1, 'two', 1, 't1', 'out of memory', '{}');
INSERT INTO stages (sweep, kind, description, rank, trials, predicted_seconds, seconds, predicted_bytes, bytes, reused,
                    error, finished) VALUES (1, 'train', 'head', 0, 3, 4, 5, 6, 7, 0, '', 't1');
CREATE TABLE notes (trial TEXT REFERENCES trials (id), note TEXT CHECK (note <> ''));
INSERT INTO notes VALUES ('one', 'mine');
CREATE VIEW good AS SELECT trial FROM leaderboard WHERE validation_accuracy > 0.5;
)sql";

/// What a store of schema 5 derives from these rows; it is to stay as it is.
constexpr const char* kDerived = R"sql(
UPDATE trials SET data = 1, configuration = 'configuration ' || printf('%02d', rowid);
UPDATE trials SET last_epoch = 2, final_train_loss = 0.7, final_train_accuracy = 0.6, final_validation_accuracy = 0.7,
                  best_validation_accuracy = 0.7, best_epoch = 2 WHERE id = 'one';
INSERT INTO averages SELECT configuration, 1, 1, 1, 0.7, NULL, NULL, 0.6, 0.7, 3.5, id FROM trials WHERE id = 'one';
INSERT INTO axis_ranges VALUES (1, 'learning_rate', 0.001, 0.003), (1, 'seed', 1, 1);
)sql";

class MigrationTest : public testing::TestWithParam<int> {
  protected:
    MigrationTest() {
        Database old(path, Database::Mode::write);
        old.execute("PRAGMA journal_mode = WAL");
        old.execute(read_file(std::filesystem::path(THAW_SOURCE_DIR) /
                              fmt::format("tests/results/store/schemas/{}.sql", std::max(GetParam(), 2))));
        old.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, GetParam()));
        if (GetParam() == 1) old.execute("ALTER TABLE stages DROP COLUMN computed");  // all that it had not
        std::string rows = kRows;
        const auto before_finished = [&] { return rows.find("UPDATE trials SET state = 'finished'"); };
        if (GetParam() >= 5) rows.insert(before_finished(), kDerived);
        if (GetParam() >= 6) rows.insert(before_finished(), "UPDATE trials SET result_epoch = 2 WHERE id = 'one';");
        if (GetParam() >= 4) rows += "INSERT INTO attempts (trial, deaths, epochs) VALUES ('three', 2, 1);";
        old.execute(rows);
    }
    std::string csv(const std::string& query) { return run_query(path, {.query = query, .format = TableFormat::csv}); }
    /// All that the old schema has, and the user's.
    std::string contents() {
        std::string text;
        for (const char* query :
             {"SELECT id, name, yaml, command_line, data_folder, data_fingerprint, classes, train_images, bad_images,"
              " validation_images, test_images, trials, started, finished, outcome FROM sweeps",
              "environment", "failures", "notes", "good", "axis_effects", "backbone_comparison",
              "SELECT id, sweep, backbone, weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer,"
              " learning_rate, batch_size, epochs, seed, image_size, state, rank, started, finished, seconds, spec"
              " FROM trials JOIN (SELECT id FROM comparable_trials) USING (id)"
              " ORDER BY id",
              "SELECT rank, trial, backbone, weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer,"
              " learning_rate, batch_size, epochs, seed, image_size, validation_accuracy, best_validation_accuracy,"
              " best_epoch, train_accuracy, validation_loss, train_loss, seconds FROM leaderboard",
              "SELECT trial, message, failed, backbone, weights, freeze, frozen_layers, cut, pooling, head, dropout,"
              " optimizer, learning_rate, batch_size, epochs, seed, image_size FROM failed_trials",
              "SELECT trial, epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, seconds"
              " FROM epochs",
              "SELECT id, sweep, kind, description, rank, trials, predicted_seconds, seconds, predicted_bytes, bytes,"
              " reused, error, finished FROM stages"})
            text += fmt::format("{}\n{}\n", query, csv(query));
        return text;
    }
    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db";
};

/// Every table with its columns, as SQLite understands them, and the text of everything else.
std::string structure(const std::filesystem::path& path) {
    Database database(path, Database::Mode::read);
    Statement rows = database.prepare(
        "SELECT m.type || ' ' || m.name || ' ' || coalesce(group_concat(c.name || ' ' || c.type || ' ' || c.\"notnull\""
        " || ' ' || c.pk, ', '), m.sql) FROM sqlite_schema AS m LEFT JOIN pragma_table_xinfo(m.name) AS c ON m.type = "
        "'table'"
        " WHERE m.name NOT LIKE 'sqlite%' AND m.name NOT IN ('notes', 'good') GROUP BY m.type, m.name ORDER BY 1");
    std::string text;
    while (rows.step()) text += rows.text(0) + '\n';
    return text;
}

TEST_P(MigrationTest, ReadsAnOldDatabaseWithoutWritingToIt) {
    const std::string before = read_file(path);
    EXPECT_THAT(run_query(path, {}), HasSubstr("3 trials: 1 finished, 1 failed, 1 running"));
    const ReportData data = load_report(path);
    EXPECT_EQ(data.leaderboard.trials.front().id, "one");
    EXPECT_EQ(data.failures.size(), 1U);
    EXPECT_EQ(data.stage_totals.front().seconds, 5);
    EXPECT_EQ(read_file(path), before);
}

TEST_P(MigrationTest, KeepsEveryRowTriggerAndView) {
    const std::string before = contents();
    { Store store(path); }
    EXPECT_EQ(contents(), before);
    Database database(path, Database::Mode::write);
    EXPECT_EQ(database.number("PRAGMA user_version"), kSchemaVersion);
    EXPECT_EQ(database.prepare("PRAGMA foreign_key_check").step(), false);
    Statement verdict = database.prepare("PRAGMA integrity_check");
    ASSERT_TRUE(verdict.step());
    EXPECT_EQ(verdict.text(0), "ok");
    EXPECT_THAT([&] { database.execute("UPDATE trials SET rank = 7 WHERE id = 'one'"); },
                ThrowsMessage<StatementError>(HasSubstr("never rewritten")));
    EXPECT_THAT([&] { database.execute("DELETE FROM epochs"); },
                ThrowsMessage<StatementError>(HasSubstr("never removed")));
    EXPECT_EQ(database.number("SELECT count(*) FROM epochs WHERE weights IS NOT NULL"), 0);
    EXPECT_EQ(database.number("SELECT count(*) FROM trials WHERE precision = 'fp32'"), 3);
    EXPECT_EQ(database.number("SELECT count(*) FROM leaderboard WHERE precision = 'fp32'"), 1);
    EXPECT_EQ(database.number("SELECT count(predicted_seconds) + count(seconds) FROM sweeps"), 0);
    EXPECT_EQ(database.number("SELECT sum(ranks) FROM stages"), 1);
    EXPECT_EQ(database.number("SELECT count(*) FROM attempts"), GetParam() < 7 ? 0 : 1)
        << "earlier ones have no reasons";
    EXPECT_EQ(
        database.number("SELECT count(*) FROM comparable_trials WHERE until = 'none' AND schedule = 'constant' AND"
                        " loss = 'categorical_crossentropy' AND label_smoothing = 0 AND fold = 'none'"),
        3);
    EXPECT_EQ(database.number("SELECT count(*) FROM epochs WHERE learning_rate IS NULL AND validation_auc IS NULL"), 3);
}

TEST_P(MigrationTest, DerivesFromOldTrialsWhatTheStoreDerivesFromNewOnes) {
    { Store store(path); }
    EXPECT_EQ(
        csv("SELECT id, data, last_epoch, result_epoch, final_train_loss, final_train_accuracy, final_validation_loss, "
            "final_validation_accuracy,"
            " best_validation_accuracy, best_epoch FROM trials ORDER BY id"),
        "id,data,last_epoch,result_epoch,final_train_loss,final_train_accuracy,final_validation_loss,final_validation_"
        "accuracy,"
        "best_validation_accuracy,best_epoch\r\none,1,2,2,0.7,0.6,,0.7,0.7,2\r\nthree,1,,,,,,,,\r\ntwo,1,,,,,,,,\r\n");
    EXPECT_EQ(csv("SELECT seeds, mean_validation_accuracy, sd_validation_accuracy, best_trial FROM configurations"),
              "seeds,mean_validation_accuracy,sd_validation_accuracy,best_trial\r\n1,0.7,,one\r\n");
    EXPECT_EQ(csv("SELECT count(DISTINCT configuration) AS n, min(length(configuration)) AS l FROM trials"),
              "n,l\r\n3,16\r\n");
    EXPECT_EQ(csv("SELECT axis, least, greatest FROM axis_ranges WHERE least <> greatest"),
              "axis,least,greatest\r\nlearning_rate,0.001,0.003\r\n");
}

TEST_P(MigrationTest, HasTheStructureOfANewDatabaseAfterwards) {
    const std::filesystem::path fresh = folder / "fresh.db";
    { Store migrated(path), made(fresh); }
    EXPECT_EQ(structure(path), structure(fresh));
}

TEST_P(MigrationTest, KnowsTheNewStateAndNoOther) {
    { Store store(path); }
    Database database(path, Database::Mode::write);
    EXPECT_NO_THROW(database.execute("UPDATE trials SET state = 'stopped', last_epoch = 1 WHERE id = 'three'"));
    EXPECT_EQ(database.number("SELECT count(*) FROM stopped_trials WHERE trial = 'three' AND stopped_after = 1"), 1);
    EXPECT_THAT([&] { database.execute("UPDATE trials SET state = 'paused' WHERE id = 'three'"); },
                ThrowsMessage<StatementError>(HasSubstr("CHECK constraint failed")));
}

TEST_P(MigrationTest, GoesOnWritingInTheSameProcess) {
    const Database reader = open_results(path);
    EXPECT_EQ(reader.number("SELECT count(*) FROM trials"), 3);
    std::vector<Trial> trials = synthetic_trials(1);
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    store.start_trial(trials[0].id, 0);
    store.record_epoch(trials[0].id, synthetic_epoch(trials[0], 1));
    store.stop_trial(trials[0].id);
    StageRecord stage;
    stage.kind = "decode";
    stage.computed = 12;
    store.record_stage(stage);
    EXPECT_EQ(reader.number("SELECT count(*) FROM trials"), 3) << "a reader from before goes on with what it saw";
    EXPECT_EQ(open_results(path).number("SELECT count(*) FROM stopped_trials"), 1);
    EXPECT_EQ(load_report(path).stage_totals.back().computed, 12);
}

TEST_P(MigrationTest, ChangesNothingWhereItCannotChangeAll) {
    // What a step drops, or the schema then adds, is something else here.
    const bool drops = GetParam() < 7;
    Database(path, Database::Mode::write)
        .execute(drops ? "DROP TABLE IF EXISTS attempts; CREATE VIEW attempts AS SELECT 1 AS one"
                       : "CREATE INDEX findings ON environment (value)");
    const std::string before = structure(path);
    EXPECT_THAT([&] { Store store(path); },
                ThrowsMessage<StatementError>(
                    HasSubstr(drops ? "use DROP VIEW to delete" : "there is already an index named findings")));
    EXPECT_EQ(structure(path), before);
}

/// The newest axis stands for any that a database may be older than.
TEST(Migration, AnAxisThatIsNewerThanTheDatabaseIsAddedWithItsDefault) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "results.db";
    const std::string axis = kAxes.back().name;
    const std::vector<Trial> trials = synthetic_trials(1);
    const auto found = [&](const Database& database) {
        Statement row = database.prepare(fmt::format("SELECT {}, configuration FROM leaderboard", axis));
        return row.step() ? row.text(0) + " " + row.text(1) : "nothing";
    };
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        store.start_trial(trials[0].id, 0);
        store.record_epoch(trials[0].id, synthetic_epoch(trials[0], 1));
        store.finish_trial(trials[0].id, 1);
    }
    const std::string expected = found(open_results(path));
    EXPECT_THAT(expected, testing::StartsWith(std::get<std::string>(usual_value(kAxes.back()))));
    {
        Database old(path, Database::Mode::write);
        for (const char* view : {"backbone_comparison", "leaderboard", "configurations", "axis_effects",
                                 "failed_trials", "stopped_trials"})
            old.execute(fmt::format("DROP VIEW {}", view));
        old.execute(fmt::format("ALTER TABLE trials DROP COLUMN {}", axis));
        old.execute("CREATE VIEW leaderboard AS SELECT id FROM trials");  // as it was: without the axis
    }
    EXPECT_EQ(found(open_results(path)), expected) << "of a copy";
    EXPECT_THROW(found(Database(path, Database::Mode::read)), StatementError) << "what is read stays as it is";
    { Store store(path); }
    const Database database(path, Database::Mode::read);
    EXPECT_EQ(found(database), expected);
    EXPECT_EQ(database.number(fmt::format("SELECT count(*) FROM axis_ranges WHERE axis = '{}'", axis)), 1);
}

INSTANTIATE_TEST_SUITE_P(Schemas, MigrationTest, testing::Values(1, 2, 3, 4, 5, 6, 7));

}  // namespace
}  // namespace thaw
