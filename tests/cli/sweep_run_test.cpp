// A sweep's run, from file to report, without a process around it.
#include "cli/sweep_run.hpp"

#include "common/util/error.hpp"
#include "common/util/exit_code.hpp"
#include "tests/cli/sweep_on_shapes.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

constexpr const char* kHeads =
    "backbone: mobilenet_v2\nfreeze: all\nhead: [none, \"8\"]\nlearning_rate: 1e-2\nepochs: 3\n";
constexpr const char* kTail = "backbone: mobilenet_v2\nfreeze: features.17\nlearning_rate: 1e-3\nepochs: 4\n";

using SweepRunTest = SweepOnShapes;

TEST_F(SweepRunTest, TrainsEveryTrialKeepsTheWinnerAndWritesTheReport) {
    EXPECT_EQ(run(options(kHeads)), kDone);
    EXPECT_EQ(query("SELECT state, count(*) FROM trials GROUP BY state"), "finished,2\n");
    EXPECT_EQ(query("SELECT outcome, message FROM sweeps"), "ok,\n");
    const std::string winner = query("SELECT best_trial FROM configurations LIMIT 1");
    EXPECT_TRUE(std::filesystem::exists(folder / "runs/test/checkpoints" /
                                        (winner.substr(0, winner.size() - 1) + ".safetensors")));
    EXPECT_THAT(report(), AllOf(HasSubstr("mobilenet_v2"), Not(HasSubstr("same command"))));
    EXPECT_EQ(query("SELECT count(*) FROM invocations WHERE busy_seconds > 0 AND wall_seconds >= busy_seconds"), "1\n");
}

TEST_F(SweepRunTest, ChecksTheSweepFileBeforeAnythingIsWritten) {
    EXPECT_THAT([&] { run(options("backbone: mobilnet_v2\n")); },
                ThrowsMessage<UserError>(AllOf(HasSubstr("sweep.yaml:6"), HasSubstr("mobilenet_v2"))));
    EXPECT_FALSE(std::filesystem::exists(database()));
}

TEST_F(SweepRunTest, SaysThatABrokenImageIsWrongInput) {
    const std::string image = text_of(folder / "shapes/circle/00.png");
    std::ofstream(folder / "shapes/circle/00.png") << image.substr(0, image.size() / 2);
    EXPECT_THAT([&] { run(options(kHeads)); }, ThrowsMessage<UserError>(HasSubstr("circle/00.png")));
    EXPECT_EQ(query("SELECT outcome, message LIKE '%circle/00.png%' FROM sweeps"), "wrong input,1\n");
    std::ofstream(folder / "shapes/circle/00.png") << image;
    EXPECT_EQ(run(options(kHeads)), kDone) << "once it is corrected";
}

TEST_F(SweepRunTest, SaysThatAPlanThatDoesNotFitTheDiskIsWrongInput) {
    SweepOptions wanted = options(kHeads);
    wanted.disk = "1 kB";
    EXPECT_THAT([&] { run(wanted); }, ThrowsMessage<UserError>(HasSubstr("--disk")));
    EXPECT_EQ(query("SELECT outcome, message LIKE '%--disk%' FROM sweeps"), "wrong input,1\n");
    EXPECT_EQ(query("SELECT count(*) FROM stages"), "0\n");
}

TEST_F(SweepRunTest, GoesOnWhereItWasInterrupted) {
    EXPECT_EQ(run(options(kTail), 2), kInterrupted);
    EXPECT_EQ(query("SELECT state FROM trials"), "waiting\n");
    EXPECT_EQ(query("SELECT outcome FROM sweeps"), "interrupted\n");
    EXPECT_THAT(report(), HasSubstr("The run was interrupted. Run the same command again"));
    EXPECT_EQ(query("SELECT count(*) FROM stages WHERE kind = 'train' AND error = 'interrupted' AND seconds > 0"),
              "1\n");
    EXPECT_EQ(query("SELECT count(*) FROM sweeps WHERE seconds >= (SELECT sum(seconds) FROM stages)"), "1\n")
        << "with one worker, stages follow each other";
    const std::string epochs = "SELECT count(*) FROM epochs";
    EXPECT_GE(std::stoi(query(epochs)), 2);
    EXPECT_LT(std::stoi(query(epochs)), 4);
    const std::string first = query("SELECT weights FROM epochs WHERE epoch = 1");
    EXPECT_EQ(run(options(kTail)), kDone);
    EXPECT_EQ(query(epochs), "4\n");
    EXPECT_EQ(query("SELECT weights FROM epochs WHERE epoch = 1"), first) << "it was not trained again";
    EXPECT_EQ(query("SELECT group_concat(outcome) FROM sweeps"), "\"interrupted,ok\"\n");
    EXPECT_THAT(report(), HasSubstr("in 2 runs. Stages were busy for"));
}

TEST_F(SweepRunTest, StopsBeforeTheFirstStageWhereItIsToldTo) {
    const ChannelEnds ends = make_local_channel(1);
    std::jthread worker([&] { serve(*ends.workers[0], {}); });
    const std::atomic<bool> stop{true};
    SweepRun sweep(options(kHeads), *ends.coordinator, stop);
    sweep.prepare();
    sweep.make_plan();
    EXPECT_EQ(sweep.plan().trials.size(), 2U);
    EXPECT_EQ(query("SELECT state, count(*) FROM trials GROUP BY state"), "waiting,2\n");
    EXPECT_FALSE(sweep.workers_are_gone());
    sweep.run();
    EXPECT_TRUE(sweep.workers_are_gone());
    EXPECT_TRUE(sweep.outcome().interrupted);
    EXPECT_EQ(query("SELECT count(*) FROM stages"), "0\n");
}

TEST_F(SweepRunTest, APlanAloneWritesNoResults) {
    const std::atomic<bool> stop{false};
    const std::string text = dry_plan(options(kHeads), 2, true, stop);
    EXPECT_THAT(text, AllOf(HasSubstr("2 trials"), HasSubstr("same_trial"), HasSubstr("share_prefix")));
    EXPECT_FALSE(std::filesystem::exists(database()));
}

}  // namespace
}  // namespace thaw
