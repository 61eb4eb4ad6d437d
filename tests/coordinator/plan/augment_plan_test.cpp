// What augmentation does to plans: arrays with views are named by all that decides them, and shared; what every epoch
// draws anew is cached nowhere.
#include <gmock/gmock.h>

#include "coordinator/plan/passes.hpp"
#include "tests/coordinator/plan/plan_fixture.hpp"

namespace thaw {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;

class AugmentPlan : public testing::Test {
  protected:
    Trial views(
        int count, const std::function<void(Trial&)>& change = [](Trial&) {}) {
        return but(made_up_trial(graphs_), graphs_, [&](Trial& trial) {
            trial.augment.views = count;
            trial.augment.horizontal_flip = true;
            trial.epochs = 40;  // so many that keeping what they read is worth it
            change(trial);
        });
    }
    Trial fresh(const std::function<void(Trial&)>& change = [](Trial&) {}) {
        return views(0, [&](Trial& trial) {
            trial.augment.fresh = true;
            change(trial);
        });
    }
    Plan plan(std::vector<Trial> trials, bool sharing = true) {
        return make_plan(std::move(trials), inputs_, graphs_, {.sharing = sharing});
    }
    static std::vector<const PlannedStage*> stages(const Plan& plan, StageKind kind) {
        std::vector<const PlannedStage*> found;
        for (const PlannedStage& stage : plan.stages)
            if (stage.kind == kind) found.push_back(&stage);
        return found;
    }
    template <typename Spec>
    std::vector<Spec> specs(const Plan& plan) {
        std::vector<Spec> specs;
        for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i) {
            const StageSpec spec = stage_spec(plan, i, inputs_, "/cache");
            if (const auto* wanted = std::get_if<Spec>(&spec)) specs.push_back(*wanted);
        }
        return specs;
    }

    PlanInputs inputs_ = made_up_inputs();
    GraphCache graphs_;
};

TEST_F(AugmentPlan, ViewsAreRowsOfArraysThatStayCached) {
    const Plan made = plan({views(4), views(4, [](Trial& trial) { trial.learning_rate = 0.1; })});
    EXPECT_THAT(stages(made, StageKind::decode), SizeIs(1));
    EXPECT_THAT(stages(made, StageKind::features), SizeIs(1));
    EXPECT_EQ(array_rows(made.trials[0], inputs_), 100 + 4 * 80);
    EXPECT_EQ(stages(made, StageKind::decode)[0]->predicted.bytes, 3 * 64 * 64 * 420);
    const TrainStage train = specs<TrainStage>(made).at(0);
    EXPECT_EQ(train.images, specs<DecodeStage>(made).at(0).output);
    EXPECT_EQ(train.features, specs<FeaturesStage>(made).at(0).taps.at(0).output);
    EXPECT_EQ(specs<DecodeStage>(made).at(0).trial.augment, made.trials[0].augment);
}

TEST_F(AugmentPlan, ArraysAreNamedByAllThatDecidesTheirRows) {
    const Trial usual = views(4);
    const auto key = [&](const Trial& trial) { return decoded_array(trial, inputs_).images; };
    EXPECT_EQ(key(made_up_trial(graphs_)), inputs_.images_key) << "without views, as ever";
    EXPECT_EQ(key(fresh()), inputs_.images_key);
    EXPECT_EQ(decoded_array(usual, inputs_).content, decoded_array(made_up_trial(graphs_), inputs_).content)
        << "so that rows of plain images are taken from one another";
    const std::vector<Trial> others = {views(5), views(4, [](Trial& trial) { trial.seed = 2; }),
                                       views(4, [](Trial& trial) { trial.augment.rotation_range = 5; }),
                                       views(4, [](Trial& trial) { trial.augment.fill_mode = FillMode::wrap; }),
                                       views(4, [](Trial& trial) { trial.folds = 5; })};
    for (const Trial& other : others) {
        EXPECT_NE(key(other), key(usual)) << augment_name(other.augment);
        EXPECT_THAT(stages(plan({usual, other}), StageKind::decode), SizeIs(2)) << augment_name(other.augment);
    }
    const std::string before = key(usual);
    inputs_.trained_key = "another split";
    EXPECT_NE(key(usual), before);
    EXPECT_EQ(key(views(4, [](Trial& trial) { trial.learning_rate = 0.1; })), key(usual));
}

TEST_F(AugmentPlan, FreshImagesAreCachedNowhereAndCountedInEveryEpoch) {
    const Plan made = plan({fresh([](Trial& trial) { trial.epochs = 10; })});
    EXPECT_THAT(stages(made, StageKind::features), SizeIs(0));
    const auto trainings = stages(made, StageKind::train);
    ASSERT_THAT(trainings, SizeIs(1));
    EXPECT_TRUE(trainings[0]->recompute);
    EXPECT_TRUE(trainings[0]->whole_rank()) << "also of a single head";
    EXPECT_THAT(trainings[0]->needs, SizeIs(1)) << "only the decoded images";
    const double longer =
        stages(plan({fresh([](Trial& trial) { trial.epochs = 20; })}), StageKind::train)[0]->predicted.seconds;
    EXPECT_GT(longer, 1.7 * trainings[0]->predicted.seconds);
    const TrainStage spec = specs<TrainStage>(made).at(0);
    EXPECT_TRUE(spec.recompute);
    EXPECT_EQ(spec.features, "");
}

TEST_F(AugmentPlan, FreshTrainingsOfTheSameImagesShareTheFrozenPass) {
    const Trial usual = fresh();
    const Plan shared = plan({usual, fresh([](Trial& trial) { trial.learning_rate = 0.1; })});
    ASSERT_THAT(stages(shared, StageKind::train), SizeIs(1));
    EXPECT_THAT(stages(shared, StageKind::train)[0]->trajectories, SizeIs(2));
    const std::vector<Trial> others = {fresh([](Trial& trial) { trial.seed = 2; }),
                                       fresh([](Trial& trial) { trial.augment.rotation_range = 5; }),
                                       fresh([](Trial& trial) { trial.batch_size = 8; })};
    for (const Trial& other : others)
        EXPECT_THAT(stages(plan({usual, other}), StageKind::train), SizeIs(2)) << augment_name(other.augment);
}

TEST_F(AugmentPlan, WithoutSharingIsTheSameWork) {
    for (const Trial& trial : {fresh(), views(3)}) {
        const TrainStage shared = specs<TrainStage>(plan({trial})).at(0);
        const TrainStage separate = specs<TrainStage>(plan({trial}, false)).at(0);
        EXPECT_EQ(shared.recompute, separate.recompute);
        EXPECT_EQ(shared.features.empty(), separate.features.empty());
    }
}

TEST_F(AugmentPlan, TrialsThatDifferInEpochsAreStillOneTrajectory) {
    const auto longer = [](Trial& trial) { trial.epochs = 7; };
    EXPECT_THAT(plan({views(4), views(4, longer)}).trajectories, SizeIs(1));
    EXPECT_THAT(plan({fresh(), fresh(longer)}).trajectories, SizeIs(1));
    EXPECT_THAT(plan({views(4), fresh(), made_up_trial(graphs_)}).trajectories, SizeIs(3));
}

TEST_F(AugmentPlan, IsExplained) {
    const Plan made = plan({views(4), fresh()});
    const auto report = std::ranges::find(made.reports, "augment", &PassReport::name);
    ASSERT_NE(report, made.reports.end());
    EXPECT_EQ(report->text, "1 trainings on fixed views, 1 on images that every epoch changes anew");
    EXPECT_THAT(report->details,
                testing::UnorderedElementsAre(
                    HasSubstr("320 views of 80 training images are made once at 64 px; arrays have 420 rows instead"),
                    HasSubstr("nothing of training images is cached: 80 images x 40 epochs")));
    const Plan plain = plan({made_up_trial(graphs_)});
    EXPECT_EQ(std::ranges::find(plain.reports, "augment", &PassReport::name), plain.reports.end());
}

}  // namespace
}  // namespace thaw
