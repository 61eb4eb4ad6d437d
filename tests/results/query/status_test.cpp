// `thaw status`: what it counts and predicts, and that it never gets in the writer's way.
#include "results/query/status.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "common/util/atomic_file.hpp"
#include "results/store/store.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class StatusTest : public testing::TestWithParam<Journal> {
  protected:
    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db";
    std::vector<Trial> trials = synthetic_trials(8);
};

TEST_P(StatusTest, CountsWhatRunsAndPredictsTheRestByThePlanAndItsError) {
    Store store(path, GetParam());
    EXPECT_STREQ(load_status(path).state(), "nothing");
    store.begin_sweep(synthetic_sweep(), trials);
    EXPECT_EQ(load_status(path).seconds_left, std::nullopt);
    store.record_prediction(600);
    EXPECT_NEAR(load_status(path).seconds_left.value(), 600, 5) << "no stage has ended";
    finish(store, trials[0], 2);
    store.start_trial(trials[1].id, 3);
    store.record_epoch(trials[1].id, synthetic_epoch(trials[1], 1));
    store.start_trial(trials[2].id, 0);
    store.fail_trial(trials[2].id, "out of memory");
    // It began 30 s ago, and took half as long again as predicted: 900 s in all.
    store.record_stage({.kind = "train", .description = "head", .predicted_seconds = 20, .seconds = 30});
    store.record_stage({.kind = "decode", .description = "photos", .predicted_seconds = 99, .reused = true});
    const RunStatus status = load_status(path);
    EXPECT_STREQ(status.state(), "running");
    EXPECT_THAT(*status.writer, HasSubstr(std::to_string(::getpid())));
    EXPECT_NEAR(status.elapsed_seconds, 30, 5);
    EXPECT_DOUBLE_EQ(status.slowness, 1.5);
    EXPECT_NEAR(*status.seconds_left, 870, 5);
    ASSERT_EQ(status.running.size(), 1U);
    EXPECT_EQ(status.running[0].id, trials[1].id);
    EXPECT_EQ(status.running[0].epoch, 1);
    const auto json = nlohmann::json::parse(status_json(status));
    EXPECT_EQ(json["trials"], 8);
    EXPECT_EQ(json["finished"], 1);
    EXPECT_EQ(json["failed"], 1);
    EXPECT_EQ(json["running"], 1);
    EXPECT_EQ(json["waiting"], 5);
    EXPECT_EQ(json["running_trials"][0]["rank"], 3);
    EXPECT_THAT(status_text(status),
                AllOf(HasSubstr("flowers: running (process"), HasSubstr("time left: about 14 min"),
                      HasSubstr("1.50 times what was predicted"), HasSubstr("epoch 1 of 8 on rank 3")));
}

TEST_P(StatusTest, GoesByTheTrialsOnceThePlansTimeIsOver) {
    Store store(path, GetParam());
    store.begin_sweep(synthetic_sweep(), trials);
    store.record_prediction(10);
    for (int i = 0; i < 6; ++i) finish(store, trials[static_cast<std::size_t>(i)], 1);
    store.record_stage({.kind = "train", .description = "head", .predicted_seconds = 60, .seconds = 60});
    const RunStatus status = load_status(path);
    EXPECT_TRUE(status.by_trials);
    EXPECT_NEAR(*status.seconds_left, 60 * 2 / 6., 3);
    EXPECT_THAT(status_text(status), HasSubstr("by the trials that have ended"));
}

TEST_P(StatusTest, KnowsNothingOnceThePlansTimeIsOverAndNoTrialHasEnded) {
    Store store(path, GetParam());
    store.begin_sweep(synthetic_sweep(), trials);
    store.record_prediction(10);
    store.record_stage({.kind = "features", .description = "photos", .predicted_seconds = 60, .seconds = 60});
    const RunStatus status = load_status(path);
    EXPECT_EQ(status.seconds_left, std::nullopt);
    EXPECT_THAT(status_text(status), HasSubstr("time left: not known, the plan's 10 s are over"));
}

TEST_P(StatusTest, SaysHowARunEnded) {
    {
        Store store(path, GetParam());
        store.begin_sweep(synthetic_sweep(), trials);
        store.start_trial(trials[0].id, 0);
    }
    EXPECT_STREQ(load_status(path).state(), "killed") << "it could not say so itself";
    EXPECT_THAT(status_text(load_status(path)), HasSubstr("Run the same command again to resume it"));
    {
        Store store(path, GetParam());
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) finish(store, trial, 1);
        store.end_sweep(RunOutcome::ok);
        EXPECT_STREQ(load_status(path).state(), "done");
    }
    EXPECT_STREQ(load_status(path).state(), "done");
    EXPECT_THAT(status_text(load_status(path)), Not(HasSubstr("again")));
    {
        Store store(path, GetParam());
        store.begin_sweep(synthetic_sweep(), trials);
        store.end_sweep(RunOutcome::interrupted);
        EXPECT_THAT(status_text(load_status(path)),
                    AllOf(HasSubstr("flowers: interrupted"), HasSubstr("The run was interrupted. Run the same")));
        store.begin_sweep(synthetic_sweep(), trials);
        store.end_sweep(RunOutcome::wrong_input, 1, "tulip/3.jpg cannot be read");
        EXPECT_THAT(status_text(load_status(path)), AllOf(HasSubstr("flowers: wrong input"),
                                                          HasSubstr("wrong input: tulip/3.jpg cannot be read. Correct"),
                                                          Not(HasSubstr("interrupted"))));
        store.begin_sweep(synthetic_sweep(), trials);
        store.end_sweep(RunOutcome::no_space, 1, "cannot write /runs/x");
        EXPECT_THAT(
            status_text(load_status(path)),
            AllOf(HasSubstr("flowers: no space"), HasSubstr("a disk is full: cannot write /runs/x. Free some")));
    }
}

TEST_P(StatusTest, AddsUpTheTimesOfAllInvocations) {
    Store store(path, GetParam());
    for (const int minutes : {3, 4, 5}) {
        SweepRecord sweep = synthetic_sweep();
        sweep.begun -= std::chrono::minutes(minutes);
        store.begin_sweep(sweep, trials);
        store.record_stage({.kind = "train", .description = "head", .seconds = 30});
        store.record_stage({.kind = "train", .description = "tail", .seconds = 7.5, .error = kCutShort});
        if (minutes < 5) store.end_sweep(RunOutcome::interrupted);
    }
    const RunStatus status = load_status(path);
    EXPECT_EQ(status.invocations, 3);
    EXPECT_GE(status.wall_seconds, 12 * 60) << "also of the one that has not ended";
    EXPECT_LT(status.wall_seconds, 13 * 60);
    EXPECT_EQ(status.busy_seconds, 3 * 37.5);
    EXPECT_THAT(status_text(status), HasSubstr("12 min 00 s in 3 runs; stages were busy for 112 s"));
}

TEST_P(StatusTest, AReaderThatTakesItsTimeDoesNotHoldUpTheWriter) {
    Store store(path, GetParam());
    store.begin_sweep(synthetic_sweep(), trials);
    finish(store, trials[0], 1);
    const Database reader = open_results(path);
    Statement slow = reader.prepare("SELECT id FROM trials");
    ASSERT_TRUE(slow.step());
    const auto start = std::chrono::steady_clock::now();
    finish(store, trials[1], 1);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
    EXPECT_TRUE(slow.step()) << "and goes on with what it saw";
    EXPECT_EQ(load_status(path).counts.finished, 2);
}

TEST(ListOfRuns, HasARowARunTheLatestFirstAndSaysWhatCannotBeRead) {
    const TemporaryFolder folder;
    const std::vector<Trial> trials = synthetic_trials(3);
    EXPECT_TRUE(list_runs(folder / "nowhere").rows.empty());
    for (const char* name : {"first", "second"}) {
        std::filesystem::create_directories(folder / name);
        Store store(folder / name / "results.db");
        store.begin_sweep(synthetic_sweep(), trials);
        finish(store, trials[0], 2);
        store.end_sweep(std::string(name) == "first" ? RunOutcome::ok : RunOutcome::wrong_input);
        Database(folder / name / "results.db", Database::Mode::write)
            .execute(fmt::format("UPDATE sweeps SET started = '2026-01-0{}'", name[0] == 'f' ? 1 : 2));
    }
    std::filesystem::create_directories(folder / ".cache");
    std::filesystem::create_directories(folder / "strange");
    write_file(folder / "strange/results.db", "not a database");
    const Table table = list_runs(folder.path());
    ASSERT_EQ(table.rows.size(), 3U);
    const auto text = [&](std::size_t row, std::size_t column) {
        return std::get<std::string>(table.rows[row][column]);
    };
    EXPECT_EQ(text(0, 0) + " " + text(0, 1), "second wrong input");
    EXPECT_EQ(text(1, 0) + " " + text(1, 1), "first done");
    EXPECT_EQ(table.rows[1][2], Cell(std::int64_t{3}));
    EXPECT_EQ(table.rows[1][3], Cell(std::int64_t{1}));
    EXPECT_EQ(text(2, 0), "strange");
    EXPECT_THAT(text(2, 1), HasSubstr("not a results database"));
}

INSTANTIATE_TEST_SUITE_P(Journals, StatusTest, testing::Values(Journal::write_ahead, Journal::rollback));

}  // namespace
}  // namespace thaw
