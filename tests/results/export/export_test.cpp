// What `thaw export` writes for other tools: looked into here, and read by those tools where they are installed.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "common/trial/axis_table.hpp"
#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "results/export/export_optuna.hpp"
#include "results/export/export_rows.hpp"
#include "results/export/export_tensorboard.hpp"
#include "results/export/tfrecord.hpp"
#include "results/query/query.hpp"
#include "results/store/store.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/python.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

/// A run with trials in every state, seeds, a name that wants quoting, and one that diverged.
class ExportTest : public testing::Test {
  protected:
    ExportTest() {
        for (Trial& trial : trials) trial.head = trial.seed % 2 ? Head{} : trial.head;
        for (std::size_t i = 0; i < 8; ++i) trials[i].schedule.kind = ScheduleKind::cosine;
        trials[3].weights = "my \"best\", weights.pth";
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (std::size_t i = 0; i < 60; ++i) {
            store.start_trial(trials[i].id, 0);
            for (int epoch = 1; epoch <= 3; ++epoch) {
                EpochRecord record = synthetic_epoch(trials[i], epoch);
                record.learning_rate = trials[i].learning_rate / epoch;
                record.validation_auc = 1 - 0.5 / epoch;
                store.record_epoch(trials[i].id, record);
            }
            store.finish_trial(trials[i].id);
        }
        store.start_trial(trials[60].id, 0);
        store.fail_trial(trials[60].id, "loss is NaN,\nin epoch 2");
        store.start_trial(trials[61].id, 0);
        store.record_epoch(trials[61].id, synthetic_epoch(trials[61], 1));
        store.stop_trial(trials[61].id);
        store.start_trial(trials[62].id, 0);
        EpochRecord diverged = synthetic_epoch(trials[62], 1);
        diverged.validation_accuracy = diverged.validation_loss = std::nan("");
        store.record_epoch(trials[62].id, diverged);
        store.finish_trial(trials[62].id);
        store.start_trial(trials[63].id, 0);
        store.record_epoch(trials[63].id, synthetic_epoch(trials[63], 1));
    }
    Database database() const { return open_results(path); }
    json rows(bool by_epoch) {
        export_rows(database(), file(by_epoch), TableFormat::json, by_epoch);
        return json::parse(read_file(file(by_epoch)));
    }
    std::filesystem::path file(bool by_epoch) const { return folder / (by_epoch ? "epochs.json" : "trials.json"); }

    /// A script of this folder, by a Python that may have what it needs.
    void check_by(const std::string& script, const std::string& words) {
        const std::filesystem::path said = folder / "said";
        const int status = std::system((python_for_checks() + " " THAW_SOURCE_DIR "/tests/results/export/" + script +
                                        " " + words + " > " + said.string() + " 2>&1")
                                           .c_str());
        const std::string text = read_file(said);
        if (lacks_tools(WEXITSTATUS(status))) GTEST_SKIP() << "no THAW_PYTHON: " << text;
        EXPECT_EQ(status, 0) << text;
    }
    std::string rows_words() {
        rows(false);
        rows(true);
        return file(false).string() + " " + file(true).string();
    }

    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db";
    std::vector<Trial> trials = synthetic_trials(66);
};

TEST_F(ExportTest, WritesARowATrialAndARowAnEpoch) {
    const json all = rows(false), epochs = rows(true);
    ASSERT_EQ(all.size(), 66U);
    EXPECT_EQ(epochs.size(), 60 * 3 + 3U);
    EXPECT_EQ(all[3]["weights"], "my \"best\", weights.pth");
    EXPECT_EQ(all[60]["message"], "loss is NaN,\nin epoch 2");
    EXPECT_TRUE(all[62]["validation_accuracy"].is_null());
    EXPECT_EQ(all[65]["state"], "waiting");
    EXPECT_EQ(all[0]["schedule"], "cosine");
    EXPECT_EQ(all[9]["schedule"], "constant");
    EXPECT_EQ(all[0]["validation_auc"], 1 - 0.5 / 3);
    EXPECT_EQ(all[0]["result_epoch"], 3);
    EXPECT_EQ(epochs[1]["learning_rate"], trials[0].learning_rate / 2);
    EXPECT_EQ(epochs[1]["validation_auc"], 0.75);
    EXPECT_TRUE(epochs[1]["validation_top5_accuracy"].is_null());
    const json leaderboard = json::parse(run_query(path, {.query = "leaderboard", .format = TableFormat::json}));
    for (const json& row : leaderboard) {
        const auto& same =
            *std::find_if(all.begin(), all.end(), [&](const json& one) { return one["trial"] == row["trial"]; });
        for (const char* column : {"validation_accuracy", "best_epoch", "seconds", "learning_rate", "configuration"})
            EXPECT_EQ(same[column], row[column]);
    }
    export_rows(database(), folder / "trials.csv", TableFormat::csv, false);
    EXPECT_THAT(read_file(folder / "trials.csv"), HasSubstr(",\"my \"\"best\"\", weights.pth\","));
}

TEST_F(ExportTest, WritesRowsInPiecesThatJoin) {
    const std::filesystem::path large = folder / "large.db";
    const std::vector<Trial> many = synthetic_trials(2500);
    {
        Store store(large);
        store.begin_sweep(synthetic_sweep(), many);
    }
    export_rows(open_results(large), folder / "large.json", TableFormat::json, false);
    EXPECT_EQ(json::parse(read_file(folder / "large.json")).size(), 2500U);
    export_rows(open_results(large), folder / "none.json", TableFormat::json, true);
    EXPECT_EQ(read_file(folder / "none.json"), "[]\n");
    export_rows(open_results(large), folder / "large.csv", TableFormat::csv, false);
    const std::string csv = read_file(folder / "large.csv");
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 2501);
}

TEST_F(ExportTest, SaysWhereItCannotWrite) {
    EXPECT_THAT([&] { export_rows(database(), "/nowhere/x.csv", TableFormat::csv, false); },
                ThrowsMessage<UserError>(HasSubstr("/nowhere")));
    EXPECT_THAT([&] { export_tensorboard(database(), "/proc/x"); }, ThrowsMessage<UserError>(HasSubstr("/proc/x")));
    EXPECT_THAT([&] { export_optuna(database(), "/nowhere/x.db"); }, ThrowsMessage<UserError>(HasSubstr("/nowhere")));
    EXPECT_THAT([&] { export_optuna(database(), path); }, ThrowsMessage<UserError>(HasSubstr("there already")));
}

TEST(TfRecord, HasTheChecksumsOfRfc3720) {  // section B.4
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
    std::string ascending, descending;
    for (int i = 0; i < 32; ++i) {
        ascending += static_cast<char>(i);
        descending += static_cast<char>(31 - i);
    }
    EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
    EXPECT_EQ(crc32c(descending), 0x113fdb5cU);
}

TEST(TfRecord, IsWhatTensorboardsWriterWrites) {  // tensorboard.summary.writer.record_writer.RecordWriter
    EXPECT_EQ(tfrecord("thaw"), std::string("\x04\0\0\0\0\0\0\0"
                                            "BER\x04"
                                            "thaw"
                                            "T\x08"
                                            "x4",
                                            20));
}

TEST(TfRecord, EncodesFieldsAsTheGuideDoes) {  // protobuf.dev/programming-guides/encoding
    EXPECT_EQ(ProtoMessage().add(1, std::int64_t{150}).bytes(), "\x08\x96\x01");
    EXPECT_EQ(ProtoMessage().add(2, std::string_view("testing")).bytes(), "\x12\x07testing");
    EXPECT_EQ(ProtoMessage().add(3, ProtoMessage().add(1, std::int64_t{150})).bytes(), "\x1a\x03\x08\x96\x01");
    EXPECT_EQ(ProtoMessage().add(1, std::int64_t{-2}).bytes(), "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    EXPECT_EQ(ProtoMessage().add(1, 1.0).bytes(), std::string("\x09\0\0\0\0\0\0\xf0\x3f", 9));
    EXPECT_EQ(ProtoMessage().add_float(2, 1.0F).bytes(), std::string("\x15\0\0\x80\x3f", 5));
}

TEST_F(ExportTest, WritesAFolderOfEventsForEachTrialThatHasBegun) {
    export_tensorboard(database(), folder / "events");
    int folders = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "events")) folders += entry.is_directory();
    EXPECT_EQ(folders, 64);
    const std::string events = read_file(folder / "events" / trials[0].id / "events.out.tfevents.thaw");
    EXPECT_THAT(events.substr(12), StartsWith("\x09")) << "an Event, its wall_time first";
    EXPECT_THAT(events, HasSubstr("brain.Event:2"));
    EXPECT_THAT(events, HasSubstr("accuracy/validation"));
}

TEST_F(ExportTest, TensorboardReadsItsEvents) {
    export_tensorboard(database(), folder / "events");
    check_by("tensorboard_check.py", (folder / "events").string() + " " + rows_words());
}

TEST_F(ExportTest, WritesAStudyWithTrialsInTheirStates) {
    export_optuna(database(), folder / "study.db");
    const Database study(folder / "study.db", Database::Mode::read);
    const auto count = [&](const char* state) {
        return study.number(std::string("SELECT count(*) FROM trials WHERE state = '") + state + "'");
    };
    EXPECT_EQ(count("COMPLETE"), 60);
    EXPECT_EQ(count("PRUNED"), 1);
    EXPECT_EQ(count("FAIL"), 2);
    EXPECT_EQ(count("RUNNING"), 1);
    EXPECT_EQ(count("WAITING"), 2);
    EXPECT_EQ(study.number("SELECT count(*) FROM trial_intermediate_values"), 183);
    EXPECT_EQ(study.number("SELECT count(*) FROM studies WHERE study_name = 'flowers'"), 1);
    EXPECT_EQ(study.number("SELECT count(DISTINCT distribution_json) FROM trial_params WHERE param_name = 'freeze'"),
              1);
    EXPECT_FALSE(std::filesystem::exists(folder / "study.db.unfinished"));
}

TEST_F(ExportTest, OptunaReadsItsStudyAndGoesOn) {
    export_optuna(database(), folder / "study.db");
    check_by("optuna_check.py", (folder / "study.db").string() + " " + rows_words());
}

TEST_F(ExportTest, MlflowGetsEveryTrialOnce) {
    std::filesystem::remove(path);  // its client takes a third of a second a trial
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), synthetic_trials(6));
        for (std::size_t i = 0; i < 3; ++i) finish(store, trials[i], 2);
        store.start_trial(trials[3].id, 0);
        store.fail_trial(trials[3].id, "out of memory");
        store.start_trial(trials[4].id, 0);
        store.record_epoch(trials[4].id, synthetic_epoch(trials[4], 1));
        store.stop_trial(trials[4].id);
    }
    check_by("mlflow_check.py", THAW_PROGRAM " " + path.string() + " " + rows_words() + " " + folder.path().string() +
                                    fmt::format(" {}", kAxes.size()));
}

}  // namespace
}  // namespace thaw
