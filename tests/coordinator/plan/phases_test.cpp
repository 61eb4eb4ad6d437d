// Trainings in several phases: how a sweep says them, which trials they are, and that an earlier one is planned once.
#include "coordinator/plan/phases.hpp"

#include <gmock/gmock.h>

#include <set>

#include "common/trial/epoch_rules.hpp"
#include "tests/coordinator/plan/plan_fixture.hpp"
#include "tests/coordinator/sweep/sweep_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::vector<std::string> names(const Expansion& expansion) {
    std::vector<std::string> names;
    for (const Trial& trial : expansion.trials) names.push_back(phases_name(trial.phases));
    return names;
}

TEST(ExpandPhases, ReadsOneSeveralOrNone) {
    const std::string one = "{freeze: all, learning_rate: 1e-3, epochs: 3}", half = "{freeze: 75, epochs: 2}";
    const std::string own = "backbone: resnet50\nfreeze: none\nlearning_rate: 1e-5\nphases: ";
    EXPECT_THAT(names(expand_text(own + one)), ElementsAre("all 0.001 x3"));
    EXPECT_THAT(names(expand_text(own + "[" + one + ", " + half + "]")), ElementsAre("all 0.001 x3", "75 1e-05 x2"));
    EXPECT_THAT(names(expand_text(own + "[[" + one + ", " + half + "]]")), ElementsAre("all 0.001 x3, 75 1e-05 x2"));
    EXPECT_THAT(names(expand_text(own + "[none, " + one + "]")), ElementsAre("none", "all 0.001 x3"));
    EXPECT_THAT(names(expand_text(own + "{choice: [none, " + one + "]}\nsearch: {random: {trials: 2}}")), SizeIs(2));
}

TEST(ExpandPhases, HaveDepthsAndWhatTheyLeaveOutIsTheTrialsOwn) {
    const Expansion expansion = expand_text(
        "backbone: resnet50\nfreeze: [all, 52]\nlearning_rate: [1e-4, 1e-2]\nphases: {epochs: 2}\n"
        "exclude: [{freeze: all, learning_rate: 1e-4}, {freeze: 52, learning_rate: 1e-2}]");
    ASSERT_THAT(expansion.trials, SizeIs(2));
    EXPECT_EQ(expansion.trials[0].phases, (std::vector<Phase>{{"all", 1e-2, 2, 150, 150}}));
    EXPECT_EQ(expansion.trials[1].phases, (std::vector<Phase>{{"52", 1e-4, 2, 52, 50}}));
}

TEST(ExpandPhases, SpelledInTwoWaysAreOneTrialBesideTheSameSettingsOnly) {
    const Expansion expansion = expand_text(
        "backbone: resnet50\nfreeze: [75, none]\nphases: [{epochs: 2}, {freeze: 50%, epochs: 2}, {freeze: 75, "
        "learning_rate: 1e-3, epochs: 2}]");
    // Beside freeze 75 all three are one, beside none the last two.
    EXPECT_THAT(names(expansion), ElementsAre("75 0.001 x2", "none 0.001 x2", "50% 0.001 x2"));
    EXPECT_EQ(expansion.merged, 3u);
}

TEST(ExpandPhases, KeepAPrecisionThatAnEarlierPhaseComputesWith) {
    const std::string text = "backbone: resnet50\nfreeze: none\nprecision: [fp32, bf16]\nphases: ";
    EXPECT_THAT(expand_text(text + "none").trials, SizeIs(1));
    EXPECT_THAT(expand_text(text + "{freeze: all, epochs: 1}").trials, SizeIs(2));
    EXPECT_THAT(expand_text(text + "{epochs: 1}").trials, SizeIs(1));
}

class PhasedPlan : public testing::Test {
  protected:
    Trial named(Trial trial) const {
        trial.id = trial_id(trial, trial_context(trial, inputs_));
        return trial;
    }
    Trial trial(const std::string& freeze, double rate, int epochs) {
        return named(but(made_up_trial(graphs_), graphs_, [&](Trial& made) {
            made.freeze = freeze;
            made.learning_rate = rate;
            made.epochs = epochs;
        }));
    }
    static Phase phase_of(const Trial& trial) {
        return {trial.freeze, trial.learning_rate, trial.epochs, trial.frozen_layers, trial.cut};
    }
    Trial after(const std::vector<Trial>& before, Trial trial) const {
        for (const Trial& phase : before) trial.phases.push_back(phase_of(phase));
        return named(trial);
    }
    Plan plan(const std::vector<Trial>& trials, const PlanOptions& options = {}) {
        return make_plan(trials, inputs_, graphs_, options);
    }
    static std::vector<std::string> ids(const std::vector<Trial>& trials) {
        std::vector<std::string> ids;
        for (const Trial& trial : trials) ids.push_back(trial.id);
        return ids;
    }
    std::vector<TrainStage> trainings(const Plan& plan) const {
        std::vector<TrainStage> specs;
        for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i)
            if (plan.stage(i).kind == StageKind::train)
                specs.push_back(std::get<TrainStage>(stage_spec(plan, i, inputs_, "/cache")));
        return specs;
    }
    /// Every training's start is among what the stages write that it needs, or was there before.
    void expect_starts_are_made(const Plan& plan, const std::set<std::string>& before = {}) const {
        for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i) {
            std::set<std::string> readable = before;
            for (const int need : plan.stage(i).needs) {
                ASSERT_LT(need, i);
                for (const std::string& file : stage_outputs(stage_spec(plan, need, inputs_, "/cache")))
                    readable.insert(file);
            }
            const StageSpec spec = stage_spec(plan, i, inputs_, "/cache");
            if (const auto* train = std::get_if<TrainStage>(&spec))
                for (const auto& trajectory : train->trajectories) {
                    EXPECT_EQ(trajectory.start.empty(), trajectory.trial.phases.empty());
                    EXPECT_TRUE(trajectory.start.empty() || readable.contains(trajectory.start)) << trajectory.start;
                }
        }
    }

    PhasedPlan() { inputs_.phases = "/phases"; }
    PlanInputs inputs_ = made_up_inputs();
    GraphCache graphs_;
    Trial head_ = trial("all", 1e-3, 3);
    Trial half_ = trial("features.14", 1e-4, 2);
};

TEST_F(PhasedPlan, EarlierPhasesAreTrialsAndEqualThoseAskedFor) {
    Trial last = after({head_, half_}, trial("features.7", 1e-5, 4));
    EXPECT_EQ(epochs_before(last), 5);
    last.schedule.kind = ScheduleKind::cosine;
    last.early_stop.patience = 2;
    const auto second = earlier_phase(last, inputs_);
    EXPECT_EQ(second->id, after({head_}, half_).id) << "neither schedule nor early stopping";
    EXPECT_EQ(earlier_phase(*second, inputs_)->id, head_.id);
    EXPECT_FALSE(earlier_phase(head_, inputs_));
    EXPECT_THAT(ids(with_phases({last, head_}, inputs_)), ElementsAre(head_.id, second->id, last.id));
    EXPECT_THAT(ids(with_phases({last}, inputs_, [](const Trial&) { return false; })), ElementsAre(last.id));
}

TEST_F(PhasedPlan, VariantsAfterOneHeadPhaseTrainItOnce) {
    std::vector<Trial> trials;
    for (const char* freeze : {"features.14", "features.7"})
        for (const double rate : {1e-4, 1e-5, 1e-6}) trials.push_back(after({head_}, trial(freeze, rate, 2)));
    const Plan made = plan(with_phases(trials, inputs_));
    EXPECT_EQ(made.trials.size(), 7u);
    EXPECT_EQ(made.trajectories.size(), 7u);
    int heads = 0;
    for (const TrainStage& spec : trainings(made))
        for (const auto& trajectory : spec.trajectories) heads += trajectory.trial.id == head_.id;
    EXPECT_EQ(heads, 1);
    expect_starts_are_made(made);
    EXPECT_THAT(plan_text(made, inputs_, true),
                AllOf(HasSubstr("6 trainings go on from 1 earlier phases, 15 of 18 epochs saved"),
                      HasSubstr("mobilenet_v2 freeze all, head none, 0.001 x3, seed 1: 6 trials go on from it")));
    EXPECT_GT(made.phase_bytes, 0);
}

TEST_F(PhasedPlan, APhaseIsAPointOnTheTrajectoryOfALongerTrial) {
    const Trial longer = trial("all", 1e-3, 9), later = after({head_}, half_);
    const Plan made = plan(with_phases({later, longer}, inputs_));
    EXPECT_EQ(made.trajectories.size(), 2u);
    const TrainStage heads = trainings(made).at(0);
    EXPECT_THAT(heads.trajectories.at(0).ends, ElementsAre(3, 9));
    ASSERT_THAT(heads.trajectories.at(0).phase_ends, SizeIs(1));
    EXPECT_EQ(heads.trajectories.at(0).phase_ends[0].trial.epochs, 3);
    EXPECT_EQ(heads.trajectories.at(0).phase_ends[0].path, "/phases/" + head_.id + ".safetensors");
    expect_starts_are_made(made);
}

TEST_F(PhasedPlan, TrialsThatDifferInTheEpochsOfTheLastPhaseAloneAreOneTrajectory) {
    const Trial brief = after({head_}, trial("features.14", 1e-4, 2)),
                longer = after({head_}, trial("features.14", 1e-4, 5));
    EXPECT_EQ(plan(with_phases({brief, longer}, inputs_)).trajectories.size(), 2u);
    const Trial other = after({trial("all", 1e-3, 4)}, trial("features.14", 1e-4, 2));
    const Plan made = plan(with_phases({brief, longer, other}, inputs_));
    EXPECT_EQ(made.trajectories.size(), 3u) << "and both heads are one";
    expect_starts_are_made(made);
}

TEST_F(PhasedPlan, WithoutSharingEachHasAnEarlierPhaseOfItsOwn) {
    const Trial first = after({head_, half_}, trial("features.7", 1e-5, 1)),
                second = after({head_, half_}, trial("features.7", 1e-6, 1));
    const Plan made = plan(with_phases({first, second}, inputs_), {.sharing = false});
    EXPECT_EQ(made.trials.size(), 4u);
    EXPECT_EQ(made.trajectories.size(), 1u + 2 + 3 + 3) << "head; head, half; head, half, trial; the same";
    expect_starts_are_made(made);
}

TEST_F(PhasedPlan, WhatIsFinishedIsTrainedAgainOnlyForItsWeights) {
    const Trial later = after({head_}, half_);
    const Plan kept = plan({later});
    EXPECT_EQ(kept.trajectories.size(), 1u);
    expect_starts_are_made(kept, {"/phases/" + head_.id + ".safetensors"});
    const Plan lost = plan({head_, later}, {.repeated = {head_.id}});
    EXPECT_EQ(lost.trajectories.size(), 2u);
    EXPECT_THAT(lost.repeated, ElementsAre(0));
    expect_starts_are_made(lost);
    EXPECT_EQ(plan({head_, later}, {.sharing = false, .repeated = {head_.id}}).trajectories.size(), 2u);
}

TEST_F(PhasedPlan, OnlyWhoGoesOnFromTheSamePhaseSharesAForwardPassWithIt) {
    Probe forward;  // so cheap that features are computed anew
    forward.kind = Probe::Kind::forward;
    forward.backbone = "mobilenet_v2";
    forward.padding = "symmetric";
    forward.image_size = 64;
    forward.cut = half_.cut;
    inputs_.speeds.put(forward, {1e-15, 0, 0});
    inputs_.speeds.put({}, {1, 1, 0});  // the disk
    const Trial longer = trial("features.14", 1e-4, 3);
    std::vector<Trial> trials = {after({half_}, trial("features.14", 1e-5, 1)),
                                 after({half_}, trial("features.14", 1e-6, 1)),
                                 after({longer}, trial("features.14", 1e-5, 1))};
    const Plan made = plan(with_phases(trials, inputs_));
    std::vector<std::size_t> together;
    for (const TrainStage& spec : trainings(made)) {
        EXPECT_TRUE(spec.recompute);
        together.push_back(spec.trajectories.size());
    }
    EXPECT_THAT(together, ElementsAre(1, 2, 1)) << "both phases in one; who goes on from the same one; who does not";
    expect_starts_are_made(made);
}

TEST_F(PhasedPlan, HasNoTraceWhereNoTrialHasPhases) {
    const Plan made = plan(with_phases({head_, half_}, inputs_));
    EXPECT_THAT(made.earlier, IsEmpty());
    EXPECT_THAT(plan_text(made, inputs_, true), Not(HasSubstr("share_phases")));
}

}  // namespace
}  // namespace thaw
