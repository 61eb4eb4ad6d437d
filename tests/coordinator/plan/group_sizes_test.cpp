// How many ranks train a trial together, and which stages the plan gives to groups.
#include "coordinator/plan/group_sizes.hpp"

#include <gtest/gtest.h>

#include "coordinator/plan/cost_model.hpp"
#include "tests/coordinator/plan/plan_fixture.hpp"

namespace thaw {
namespace {

class GroupSizesTest : public testing::Test {
  protected:
    /// A tail at 224 pixels: its steps are long beside the sums of its gradients.
    Trial tail(int epochs = 10, double learning_rate = 1e-3) {
        return but(made_up_trial(graphs_, "features.5", epochs), graphs_, [&](Trial& trial) {
            trial.image_size = 224;
            trial.batch_size = 32;
            trial.learning_rate = learning_rate;
        });
    }
    Trial head() { return made_up_trial(graphs_, "all", 10); }
    GroupSizes sizes(const std::vector<Trial>& sweep, int ranks_per_trial = 0) {
        return {sweep, inputs_, graphs_, ranks_per_trial};
    }

    GraphCache graphs_;
    PlanInputs inputs_ = [] {
        PlanInputs inputs = made_up_inputs();
        inputs.ranks = 8;
        return inputs;
    }();
};

TEST_F(GroupSizesTest, GiveOneTrialAllRanksAndEightTrialsOneEach) {
    EXPECT_EQ(sizes({tail()}).of(tail(), inputs_), 8);
    std::vector<Trial> sweep;
    for (int i = 1; i <= 8; ++i) {
        sweep.push_back(tail(10, i * 1e-4));
        const int expected[] = {8, 4, 2, 2, 1, 1, 1, 1};
        EXPECT_EQ(sizes(sweep).of(sweep[0], inputs_), expected[i - 1]) << i << " trials";
    }
}

TEST_F(GroupSizesTest, FollowATrialsShareOfTheWork) {
    const Trial big = tail(60, 1e-3), small = tail(10, 1e-2);
    const GroupSizes found = sizes({big, small, tail(10, 1e-1)});
    EXPECT_EQ(found.of(big, inputs_), 4);
    EXPECT_EQ(found.of(small, inputs_), 1);
}

TEST_F(GroupSizesTest, AreThoseOfTheLongestTrialOnATrajectory) {
    const GroupSizes found = sizes({tail(2), tail(4), tail(8)});
    EXPECT_EQ(found.of(tail(2), inputs_), 8);
    EXPECT_EQ(found.of(tail(8), inputs_), 8);
}

TEST_F(GroupSizesTest, LeaveHeadsAndQuickStepsToOneRank) {
    EXPECT_EQ(sizes({head()}).of(head(), inputs_), 1);
    const Trial quick =
        but(made_up_trial(graphs_, "features.17", 10), graphs_, [](Trial& trial) { trial.batch_size = 4; });
    EXPECT_EQ(sizes({quick}).of(quick, inputs_), 1) << "its gradients' sums would take longer than it";
}

TEST_F(GroupSizesTest, DoNotDependOnWhatWasMeasured) {
    const GroupSizes before = sizes({tail(60, 1e-3), tail(10, 1e-2)});
    CostModel costs(inputs_, graphs_);
    costs.training(tail());
    for (const Probe& probe : costs.missing()) inputs_.speeds.put(probe, {.seconds = 1e-9, .evaluation = 1e-9});
    EXPECT_EQ(sizes({tail(60, 1e-3), tail(10, 1e-2)}).of(tail(60, 1e-3), inputs_), before.of(tail(60, 1e-3), inputs_));
}

TEST_F(GroupSizesTest, AreWhatTheSweepSaysButNoMoreThanThereAreRanksOrImagesInABatch) {
    EXPECT_EQ(sizes({tail()}, 2).of(tail(), inputs_), 2);
    EXPECT_EQ(sizes({tail()}, 100).of(tail(), inputs_), 8);
    const Trial few = but(tail(), graphs_, [](Trial& trial) { trial.batch_size = 3; });
    EXPECT_EQ(sizes({few}, 8).of(few, inputs_), 3);
}

TEST_F(GroupSizesTest, PlansGiveFrozenStagesToGroupsWhereRanksWouldBeIdle) {
    inputs_.train_images = 1000;
    const GroupSizes found = sizes({head(), tail()});
    Plan plan = make_plan({head(), tail()}, inputs_, graphs_, {.group_sizes = &found});
    for (const PlannedStage& stage : plan.stages) {
        const Trial& trial = plan.first_trial(stage);
        if (stage.kind != StageKind::train) {
            EXPECT_EQ(stage.ranks, 4) << "two stages of a kind, of different sizes";
        } else {
            EXPECT_EQ(stage.ranks, found.of(trial, inputs_));
        }
    }
    inputs_.ranks = 1;
    plan = make_plan({head(), tail()}, inputs_, graphs_);
    for (const PlannedStage& stage : plan.stages) EXPECT_EQ(stage.ranks, 1);
}

}  // namespace
}  // namespace thaw
