// The promises, on the real program: sharing, ranks, threads, kills and failures change no result.
#include <chrono>
#include <thread>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SweepRun : public EndToEnd {
  protected:
    /// All trials of the mixed sweep, as an undisturbed run leaves them.
    std::string expected() {
        const Ended ended = run(sweep(kMixedAxes), "expected");
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
        return results("expected");
    }
    std::filesystem::path array_of(const std::string& kind) {
        for (const auto& entry : std::filesystem::directory_iterator(cache()))
            if (entry.path().filename().string().starts_with(kind) && entry.path().extension() == ".array")
                return entry.path();
        ADD_FAILURE() << "no " << kind << " in " << cache();
        return {};
    }
};

TEST_F(SweepRun, FinishesEveryTrialWithAllItsEpochs) {
    const std::string table = expected();
    EXPECT_THAT(table, Not(AllOf(HasSubstr("waiting"), HasSubstr("running"), HasSubstr("failed"))));
    EXPECT_EQ(query("SELECT count(*) FROM leaderboard", "expected"), "12\n");
    EXPECT_EQ(query("SELECT count(*), sum(epochs) FROM trials", "expected"), "12,24\n");
    EXPECT_EQ(query("SELECT count(*) FROM epochs", "expected"), "24\n");
    EXPECT_EQ(query("SELECT outcome FROM sweeps", "expected"), "ok\n");
    EXPECT_TRUE(std::filesystem::exists(folder_ / "expected/test/report.html"));
}

TEST_F(SweepRun, DoesNothingAgain) {
    const std::string table = expected();
    const std::string times = query("SELECT id, started, finished FROM trials ORDER BY 1", "expected");
    EXPECT_EQ(run(sweep(kMixedAxes), "expected").exit_code, 0);
    EXPECT_EQ(results("expected"), table);
    EXPECT_EQ(query("SELECT id, started, finished FROM trials ORDER BY 1", "expected"), times);
    EXPECT_EQ(query("SELECT count(*) FROM stages WHERE sweep = 2", "expected"), "0\n");
}

TEST_F(SweepRun, DoesNotCompareTrialsOnImagesThatWereResizedDifferently) {
    const std::string axes = "backbone: mobilenet_v2\nepochs: 1\n";
    ASSERT_EQ(run(sweep(axes)).exit_code, 0);
    ASSERT_EQ(run(sweep(axes, ", interpolation: nearest")).exit_code, 0);
    EXPECT_EQ(query("SELECT count(*) FROM trials"), "2\n");
    EXPECT_EQ(query("SELECT count(*) FROM leaderboard"), "1\n");
}

TEST_F(SweepRun, SharingChangesNoResult) {
    const std::string axes =
        std::string(kMixedAxes) + "  - if: {freeze: all, head: none, learning_rate: 1e-2}\n    then: {freeze: none}\n";
    EXPECT_EQ(run(sweep(axes), "shared").exit_code, 0);
    EXPECT_EQ(run(sweep(axes), "separate", {"--no-sharing"}).exit_code, 0);
    EXPECT_EQ(results("separate"), results("shared"));
    EXPECT_EQ(query("SELECT kind, count(*) FROM stages GROUP BY kind ORDER BY kind", "shared"),
              "decode,1\nfeatures,1\ntrain,4\n");
    EXPECT_EQ(query("SELECT kind, count(*) FROM stages GROUP BY kind ORDER BY kind", "separate"),
              "decode,12\nfeatures,10\ntrain,12\n");
    EXPECT_EQ(query("SELECT count(*) FROM trials WHERE freeze = 'none' AND state = 'finished'", "shared"), "2\n");
}

TEST_F(SweepRun, ThreadsChangeNoResult) {
    const std::string table = expected();
    EXPECT_EQ(run(sweep(kMixedAxes), "runs", {"--threads", "1"}).exit_code, 2);  // given twice
    EXPECT_EQ(thaw({"run", sweep(kMixedAxes), "-q", "--threads", "1", "--runs", (folder_ / "one").string()}).exit_code,
              0);
    EXPECT_EQ(results("one"), table);
}

TEST_F(SweepRun, RanksChangeNoResult) {
    const std::string table = expected();
    for (const int ranks : {1, 2, 4}) {
        const std::string runs = std::to_string(ranks);
        const Ended ended = call(world_command(ranks, sweep(kMixedAxes), runs));
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
        EXPECT_EQ(results(runs), table) << ranks << " ranks";
    }
    EXPECT_THAT(query("SELECT count(DISTINCT rank) FROM stages", "4"), Not("1\n"));
}

TEST_F(SweepRun, WrongInputEndsAllRanks) {
    const Ended ended = call(world_command(2, (folder_ / "nowhere.yaml").string(), "runs"));
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("nowhere.yaml"));
}

TEST_F(SweepRun, AnInterruptEndsItInOrderAndTheSameCommandGoesOn) {
    const std::string axes = "backbone: mobilenet_v2\nhead: [none, \"512-512\"]\nepochs: [1, 600]\n";
    Process process(folder_.path(), run_command(sweep(axes), "runs"));
    while (process.running() && epochs_done() < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    process.send(SIGINT);
    const Ended ended = process.wait();
    EXPECT_EQ(ended.exit_code, 75) << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr("run the same command to go on"));
    EXPECT_EQ(query("SELECT outcome FROM sweeps"), "interrupted\n");
    EXPECT_EQ(run(sweep(axes)).exit_code, 0);
    EXPECT_EQ(query("SELECT count(*) FROM leaderboard"), "4\n");
    EXPECT_EQ(run(sweep(axes), "undisturbed").exit_code, 0);
    EXPECT_EQ(results(), results("undisturbed"));
}

TEST_F(SweepRun, AnInterruptIsHeardWhileImagesAreDecoded) {
    const std::filesystem::path large = folder_ / "large.png";
    cv::imwrite(large.string(), cv::Mat(6000, 6000, CV_8UC3, cv::Scalar(1, 2, 3)));
    for (const auto& name : {"circle", "square", "triangle"}) {
        for (int i = 0; i < 60; ++i)
            std::filesystem::create_hard_link(large,
                                              folder_ / "shapes" / name / ("large" + std::to_string(i) + ".png"));
    }
    Process process(folder_.path(), run_command(sweep("backbone: mobilenet_v2\n"), "runs"));
    for (int i = 0; i < 600 && !std::filesystem::exists(folder_ / "runs/test/results.db"); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    process.send(SIGINT);
    EXPECT_EQ(process.wait().exit_code, 75);
    EXPECT_EQ(query("SELECT count(*) FROM stages WHERE error <> 'interrupted'"), "0\n")
        << "nothing was left to interrupt";
}

TEST_F(SweepRun, ADivergingTrialFailsAloneAndIsTriedAgainNextTime) {
    const std::string file = sweep(
        "backbone: mobilenet_v2\nhead: 64-64-64\noptimizer: {sgd: {momentum: 0.99}}\nlearning_rate: [1e-3, "
        "10]\nepochs: 60\n");
    for (int time = 1; time <= 2; ++time) {
        const Ended ended = run(file);
        EXPECT_EQ(ended.exit_code, 1) << ended.errors;
        EXPECT_EQ(query("SELECT learning_rate, state FROM trials ORDER BY 1"), "0.001,finished\n10,failed\n");
        EXPECT_THAT(query("SELECT message FROM failed_trials"), HasSubstr("learning rate"));
        EXPECT_EQ(query("SELECT count(*) FROM failures"), std::to_string(time) + "\n");
    }
}

TEST_F(SweepRun, DamagedFeaturesAreMadeAgain) {
    const std::string table = expected();
    const std::string first = "backbone: mobilenet_v2\nhead: \"16\"\ndropout: 0.3\nlearning_rate: 1e-2\nepochs: 1\n";
    for (const char* kind : {"features", "images"}) {
        std::filesystem::remove_all(folder_ / "runs");
        ASSERT_EQ(run(sweep(first)).exit_code, 0);
        const std::filesystem::path damaged = array_of(kind);
        std::filesystem::resize_file(damaged, std::filesystem::file_size(damaged) - 100);
        const Ended ended = run(sweep(kMixedAxes));
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
        EXPECT_EQ(results(), table) << kind;
    }
}

TEST_F(SweepRun, TwoAtOnceOnOneFolderAreRefused) {
    const std::string axes = "backbone: mobilenet_v2\nhead: \"512-512\"\nepochs: 2000\n";
    Process first(folder_.path(), run_command(sweep(axes), "runs"));
    while (first.running() && !std::filesystem::exists(folder_ / "runs/test/results.db"))
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    first.send(SIGSTOP);  // so that it is not done before the second asks
    TemporaryFolder elsewhere;
    const Ended second = Process(elsewhere.path(), run_command(sweep(axes), "runs")).wait();
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_THAT(second.errors, HasSubstr("results.db"));
}

TEST_F(SweepRun, TheAssignmentsSecondProblemComparesThreeNetworks) {
    std::string yaml = text_of(THAW_SOURCE_DIR "/sweeps/problem_two.yaml");
    const auto replace = [&](const std::string& from, const std::string& to) {
        ASSERT_NE(yaml.find(from), std::string::npos) << from;
        yaml.replace(yaml.find(from), from.size(), to);
    };
    replace("folder: ${THAW_DATA:-../data}/pokemon10", "folder: shapes");
    replace("weights: imagenet", "image_size: 64\nweights: random");
    replace("epochs: 8", "epochs: 1");
    const std::filesystem::path file = folder_ / "problem_two.yaml";
    std::ofstream(file) << yaml;
    const Ended ended = run(file.string());
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    const Ended rows = thaw({"query", "problem_two", "SELECT backbone, weights, freeze FROM leaderboard ORDER BY 1",
                             "--csv", "--runs", (folder_ / "runs").string()});
    EXPECT_EQ(rows.output,
              "backbone,weights,freeze\nalexnet,random,all\nkeras_resnet50,random,50\nmobilenet_v1,random,50\n");
    EXPECT_THAT(text_of(folder_ / "runs/problem_two/report.md"), HasSubstr("andom"));
}

}  // namespace
}  // namespace thaw
