// Trials that are stopped early, and trainings that go on where an earlier run has left them: nothing but the time that
// it takes may show it.
#include <random>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;

/// Nine heads and three tails of nine epochs.
const std::string kAxes =
    "backbone: mobilenet_v2\nfreeze: [all, features.15]\nhead: [none, \"16\", \"32\"]\n"
    "learning_rate: [1e-4, 1e-3, 1e-2]\nepochs: 9\n"
    "exclude:\n  - {freeze: features.15, learning_rate: [1e-4, 1e-2]}\n";
const std::string kAsha = "search: {asha: {reduction_factor: 3}}\n";

class Search : public EndToEnd {
  protected:
    std::vector<fs::path> snapshots(const std::string& runs = "runs") const {
        std::vector<fs::path> paths;
        for (const auto& entry : fs::directory_iterator(cache(runs)))
            if (entry.path().extension() == ".state") paths.push_back(entry.path());
        return paths;
    }
    /// Plans as on a machine whose disk is fast, whatever this one's was when it was measured: any epoch costs more
    /// than keeping what it has made.
    void plan_with_a_fast_disk() const {
        const fs::path speeds = folder_ / "speeds.json";
        std::ofstream(speeds) << R"({"disk": {"seconds": 1e-12, "evaluation": 1e-12, "setup": 0}})";
        ::setenv("THAW_SPEEDS", speeds.c_str(), 1);
    }
    void TearDown() override { ::unsetenv("THAW_SPEEDS"); }
    std::string states(const std::string& runs = "runs") {
        return query("SELECT state, count(*) FROM trials GROUP BY state ORDER BY state", runs);
    }
};

TEST_F(Search, HalvingGoesOnWithTheBestThirdAndTheirResultsAreThoseOfFullTrainings) {
    ASSERT_EQ(run(sweep(kAxes), "full").exit_code, 0);
    const Ended ended = run(sweep(kAxes + kAsha), "asha");
    ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_EQ(states("asha"), "finished,1\nstopped,11\n");
    EXPECT_EQ(query("SELECT stopped_after, count(*) FROM stopped_trials GROUP BY 1 ORDER BY 1", "asha"), "1,8\n3,3\n");
    // What the rule is, said in SQL about trainings that nobody stopped.
    const std::string best_third = query(
        "SELECT trial FROM epochs WHERE epoch = 1 ORDER BY validation_accuracy DESC, validation_loss LIMIT 4", "full");
    EXPECT_EQ(query("SELECT trial FROM epochs WHERE epoch = 3 AND trial IN (SELECT id FROM trials) ORDER BY "
                    "(SELECT validation_accuracy FROM epochs AS e WHERE e.trial = epochs.trial AND e.epoch = 1) DESC,"
                    "(SELECT validation_loss FROM epochs AS e WHERE e.trial = epochs.trial AND e.epoch = 1)",
                    "asha"),
              best_third);
    const std::string every_epoch =
        "SELECT trial, epoch, quote(train_loss), quote(validation_loss), weights FROM epochs ORDER BY 1, 2";
    const std::string full = query(every_epoch, "full"), asha = query(every_epoch, "asha");
    std::istringstream lines(asha);
    int epochs = 0;
    for (std::string line; std::getline(lines, line); ++epochs) EXPECT_THAT(full, HasSubstr(line + "\n"));
    EXPECT_EQ(epochs, 8 * 1 + 3 * 3 + 9);
    EXPECT_THAT(text_of(folder_ / "asha/test/report.html"), HasSubstr("<h2>Pruned trials"));
}

TEST_F(Search, NeitherRanksNorThreadsNorSharingChangeADecision) {
    const std::string file = sweep(kAxes + kAsha);
    ASSERT_EQ(run(file, "usual").exit_code, 0);
    const std::string expected = results("usual");
    ASSERT_EQ(run(file, "separate", {"--no-sharing"}).exit_code, 0);
    EXPECT_EQ(results("separate"), expected);
    for (const int ranks : {1, 2, 4}) {
        const std::string runs = std::to_string(ranks);
        const Ended ended = call(world_command(ranks, file, runs));
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
        EXPECT_EQ(results(runs), expected) << ranks << " ranks";
    }
}

TEST_F(Search, AFinishedSearchIsNotSearchedAgain) {
    ASSERT_EQ(run(sweep(kAxes + kAsha)).exit_code, 0);
    const std::string table = results();
    ASSERT_EQ(run(sweep(kAxes + kAsha)).exit_code, 0);
    EXPECT_EQ(results(), table);
    EXPECT_EQ(query("SELECT count(*) FROM stages WHERE sweep = 2"), "0\n");
}

TEST_F(Search, AStoppedTrialIsPromotedWhereALargerSearchHasRoomAndGoesOnFromItsSnapshot) {
    const std::string narrow = "backbone: mobilenet_v2\nlearning_rate: [1e-4, 1e-3, 1e-2]\nepochs: 9\nhead: [none";
    ASSERT_EQ(run(sweep(narrow + "]\n" + kAsha)).exit_code, 0);
    EXPECT_EQ(states(), "finished,1\nstopped,2\n");
    EXPECT_THAT(snapshots(), testing::Not(testing::IsEmpty()));
    // Six trials more, hopeless ones: two of the first three pass the first rung now.
    const std::string wide = narrow + "]\nseed: [1, 2, 3]\n";
    ASSERT_EQ(run(sweep(wide + kAsha)).exit_code, 0);
    ASSERT_EQ(run(sweep(wide + kAsha), "fresh").exit_code, 0);
    // Trials stand at least where they would without the first search, with the same numbers.
    EXPECT_EQ(query("SELECT count(*) FROM trials WHERE state = 'finished'", "fresh"), "1\n");
    const std::string every_epoch =
        "SELECT trial, epoch, quote(train_loss), quote(validation_loss), weights FROM epochs";
    const std::string now = query(every_epoch);
    std::istringstream lines(query(every_epoch, "fresh"));
    for (std::string line; std::getline(lines, line);) EXPECT_THAT(now, HasSubstr(line + "\n"));
}

TEST_F(Search, MedianStoppingStopsWhoIsBelowTheMedianOfAverages) {
    ASSERT_EQ(run(sweep(kAxes + "search: {median: {grace: 2, every: 3}}\n")).exit_code, 0);
    EXPECT_EQ(query("SELECT count(*) FROM stopped_trials WHERE stopped_after NOT IN (2, 5, 8)"), "0\n");
    const std::string judged_at_2 =
        "WITH at2 AS (SELECT trial, max(validation_accuracy) AS best, avg(validation_accuracy) AS mean FROM epochs"
        " WHERE epoch <= 2 GROUP BY trial), sorted AS (SELECT mean, row_number() OVER (ORDER BY mean) AS i FROM at2),"
        " median AS (SELECT avg(mean) AS value FROM sorted WHERE i IN (6, 7)) ";
    EXPECT_EQ(query(judged_at_2 + "SELECT trial FROM at2, median WHERE best < value ORDER BY 1"),
              query("SELECT trial FROM stopped_trials WHERE stopped_after = 2 ORDER BY 1"));
}

TEST_F(Search, KillsAtAnyMomentChangeNoDecision) {
    const std::string file = sweep(kAxes + kAsha);
    ASSERT_EQ(run(file, "undisturbed").exit_code, 0);
    const int epochs = epochs_done("undisturbed");
    std::mt19937 random(3);
    int killed = 0;
    for (const std::string runs : {"a", "b", "c"}) {
        for (int attempt = 0; attempt < 4; ++attempt) {
            Process process(folder_.path(), run_command(file, runs));
            if (!wait_for_moment(process, runs, epochs, random)) break;
            process.send(SIGKILL);
            process.wait();
            ++killed;
        }
        ASSERT_EQ(run(file, runs).exit_code, 0);
        EXPECT_EQ(results(runs), results("undisturbed"));
    }
    EXPECT_GE(killed, 3);
}

TEST_F(Search, AFailedTrialTakesNobodysPlace) {
    const std::string axes =
        "backbone: mobilenet_v2\nhead: 64-64-64\noptimizer: {sgd: {momentum: 0.99}}\nlearning_rate: [1e-4, 1e-3, 10]\n"
        "epochs: 60\nsearch: {asha: {reduction_factor: 2, first_rung: 20}}\n";
    EXPECT_EQ(run(sweep(axes)).exit_code, 1);
    EXPECT_EQ(states(), "failed,1\nfinished,1\nstopped,1\n");
}

constexpr const char* kTail = "backbone: mobilenet_v2\nfreeze: features.17\noptimizer: [adam, sgd]\nepochs: ";

TEST_F(Search, AFinishedTrialAskedForMoreEpochsGoesOnFromItsSnapshotBitForBit) {
    plan_with_a_fast_disk();
    ASSERT_EQ(run(sweep(kTail + std::string("8\n"))).exit_code, 0);
    ASSERT_THAT(snapshots(), SizeIs(2));
    ASSERT_EQ(run(sweep(kTail + std::string("[8, 12]\n"))).exit_code, 0);
    ASSERT_EQ(run(sweep(kTail + std::string("[8, 12]\n")), "fresh").exit_code, 0);
    EXPECT_EQ(results(), results("fresh"));
    for (const fs::path& path : snapshots()) EXPECT_THAT(path.string(), HasSubstr("-12.state"));
    // The first eight epochs were not trained again: they took the same time to the last digit.
    EXPECT_EQ(query("SELECT count(*) FROM epochs AS a JOIN epochs AS b ON a.trial < b.trial AND a.epoch = b.epoch"
                    " AND a.seconds = b.seconds AND a.weights = b.weights"),
              "16\n");
}

TEST_F(Search, ADamagedOrMissingSnapshotCostsTimeAndNothingElse) {
    plan_with_a_fast_disk();
    ASSERT_EQ(run(sweep(kTail + std::string("8\n"))).exit_code, 0);
    const auto kept = snapshots();
    ASSERT_THAT(kept, SizeIs(2));
    std::string bytes = text_of(kept[0]);
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(kept[0], std::ios::binary) << bytes;
    fs::resize_file(kept[1], 100);
    ASSERT_EQ(run(sweep(kTail + std::string("[8, 12]\n"))).exit_code, 0);
    ASSERT_EQ(run(sweep(kTail + std::string("[8, 12]\n")), "fresh").exit_code, 0);
    EXPECT_EQ(results(), results("fresh"));
}

}  // namespace
}  // namespace thaw
