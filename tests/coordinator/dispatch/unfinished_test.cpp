// What earlier runs of a sweep have left to do: who is done, who was stopped, who has brought the world down.
#include "coordinator/dispatch/unfinished.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "coordinator/plan/phases.hpp"
#include "results/store/database.hpp"
#include "tests/coordinator/plan/plan_fixture.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class UnfinishedTest : public testing::Test {
  protected:
    UnfinishedTest() { begin(); }

    void begin(const std::vector<CrashReport>& reports = {}) { store.begin_sweep(synthetic_sweep(), trials, reports); }
    /// The trial is in flight, and its process says of itself why it ended.
    void die_in(const Trial& trial) {
        store.start_trial(trial.id, 0);
        begin({{"rank 0: signal SIGSEGV", {trial.id}}});
    }
    Unfinished left(const StoppingRule& rule = {}) {
        Pruner pruner(rule, trials);
        return unfinished_of(trials, store, pruner);
    }
    static std::vector<std::string> ids(const std::vector<Trial>& trials) {
        std::vector<std::string> ids;
        for (const Trial& trial : trials) ids.push_back(trial.id);
        return ids;
    }
    /// `epochs` epochs of that accuracy.
    void show(const Trial& trial, int epochs, double accuracy) {
        store.start_trial(trial.id, 0);
        for (int epoch = 1; epoch <= epochs; ++epoch) {
            EpochRecord record = synthetic_epoch(trial, epoch);
            record.validation_accuracy = accuracy;
            store.record_epoch(trial.id, record);
        }
    }

    TemporaryFolder folder;
    Store store{folder / "results.db"};
    std::vector<Trial> trials = [] {
        std::vector<Trial> four = synthetic_trials(4);
        for (Trial& trial : four) trial.epochs = 4;
        return four;
    }();
};

TEST_F(UnfinishedTest, OfANewSweepIsEveryTrial) {
    const Unfinished all = left();
    EXPECT_EQ(ids(all.trials), ids(trials));
    EXPECT_EQ(before_text(all), "");
}

TEST_F(UnfinishedTest, LeavesOutWhatIsFinished) {
    finish(store, trials[1], 4);
    begin();
    const Unfinished rest = left();
    EXPECT_THAT(ids(rest.trials), ElementsAre(trials[0].id, trials[2].id, trials[3].id));
    EXPECT_THAT(rest.finished, ElementsAre(trials[1].id));
    EXPECT_EQ(before_text(rest), " (1 finished before)");
}

TEST_F(UnfinishedTest, DoesWhatFailedAgain) {
    store.start_trial(trials[0].id, 0);
    store.fail_trial(trials[0].id, "out of memory");
    begin();
    EXPECT_EQ(ids(left().trials), ids(trials));
}

TEST_F(UnfinishedTest, LeavesAStoppedTrialAloneWhileTheRuleStillStopsIt) {
    const Halving halves{.reduction_factor = 2, .first_rung = 1};
    for (std::size_t i = 0; i < 4; ++i) {
        show(trials[i], 1, 0.1 * static_cast<double>(i + 1));
        store.stop_trial(trials[i].id);
    }
    begin();
    const Unfinished rest = left(halves);
    EXPECT_THAT(ids(rest.trials), ElementsAre(trials[2].id, trials[3].id));
    EXPECT_EQ(rest.stopped, 2);
    EXPECT_EQ(before_text(rest), " (2 stopped before)");
}

TEST_F(UnfinishedTest, KnowsHowManyEpochsAStoppedTrialHasShown) {
    show(trials[0], 2, 0.9);
    store.stop_trial(trials[0].id);
    begin();
    const Unfinished rest = left(Halving{.reduction_factor = 2, .first_rung = 1});
    EXPECT_THAT(rest.known_epochs, UnorderedElementsAre(Pair(trials[0].id, 2)));
    EXPECT_THAT(rest.trials, SizeIs(4)) << "the others may be worse";
}

TEST_F(UnfinishedTest, TakesAStoppedTrialUpAgainWhereNoRuleIsLeft) {
    show(trials[0], 1, 0.1);
    store.stop_trial(trials[0].id);
    begin();
    const Unfinished rest = left();
    EXPECT_EQ(ids(rest.trials), ids(trials));
    EXPECT_EQ(rest.stopped, 0);
}

TEST_F(UnfinishedTest, SuspectsTheTrialThatAProcessDiedIn) {
    die_in(trials[2]);
    const Unfinished rest = left();
    EXPECT_THAT(rest.suspects, ElementsAre(trials[2].id));
    EXPECT_EQ(ids(rest.trials), ids(trials)) << "it has another try";
    EXPECT_EQ(before_text(rest), " (1 run alone, since an earlier run died during them)");
}

TEST_F(UnfinishedTest, GivesATrialUpAfterThreeDeathsAndSaysWhatTheLastOneWas) {
    for (int death = 1; death < kDeathsOfATrial; ++death) {
        die_in(trials[2]);
        EXPECT_THAT(left().given_up, IsEmpty()) << death;
    }
    die_in(trials[2]);
    const Unfinished rest = left();
    EXPECT_THAT(rest.given_up, ElementsAre(trials[2].id));
    EXPECT_THAT(rest.suspects, IsEmpty());
    EXPECT_THAT(ids(rest.trials), ElementsAre(trials[0].id, trials[1].id, trials[3].id));
    const Database results = open_results(folder / "results.db");
    Statement row =
        results.prepare("SELECT state, message FROM trials JOIN failures ON trial = trials.id WHERE trials.id = ?1");
    ASSERT_TRUE(row.with(trials[2].id).step());
    EXPECT_EQ(row.text(0), "failed");
    EXPECT_THAT(row.text(1), HasSubstr("SIGSEGV"));
}

TEST_F(UnfinishedTest, CountsNoDeathsBeforeATrialsLatestEpoch) {
    die_in(trials[2]);
    die_in(trials[2]);
    show(trials[2], 1, 0.5);
    begin({{"rank 0: signal SIGSEGV", {trials[2].id}}});
    EXPECT_THAT(left().given_up, IsEmpty());
}

TEST(LaterPhases, AreGivenUpWithTheEarlierOneAndNobodyElse) {
    const PlanInputs inputs = made_up_inputs();
    GraphCache graphs;
    const Trial alone = made_up_trial(graphs);
    const Trial later = but(made_up_trial(graphs), graphs, [](Trial& trial) {
        trial.phases = {{"all", 1e-2, 1, trial.frozen_layers, trial.cut}};
    });
    const std::vector<Trial> trials = {alone, later};
    const TemporaryFolder folder;
    Store store(folder / "results.db");
    store.begin_sweep(synthetic_sweep(), trials);
    Unfinished left;
    left.trials = trials;
    give_up_later_phases(left, inputs, store);
    EXPECT_THAT(left.trials, SizeIs(2)) << "nothing was given up";
    left.given_up = {earlier_phase(later, inputs).value().id};
    give_up_later_phases(left, inputs, store);
    ASSERT_THAT(left.trials, SizeIs(1));
    EXPECT_EQ(left.trials[0].id, alone.id);
    EXPECT_TRUE(left.given_up.contains(later.id));
}

}  // namespace
}  // namespace thaw
