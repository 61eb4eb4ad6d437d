// What each pass that changes a plan makes of it; plan_test has the passes that share equal stages.
#include "coordinator/plan/passes.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <set>

#include "tests/coordinator/plan/plan_fixture.hpp"

namespace thaw {
namespace {

using testing::_;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::StartsWith;

class PassesTest : public testing::Test {
  protected:
    PassesTest() {
        inputs_.memory_folder = "/memory";
        inputs_.cache_budget = std::int64_t{1} << 40;
    }

    Trial trial(
        const std::string& freeze, const std::function<void(Trial&)>& change = [](Trial&) {}) {
        return but(made_up_trial(graphs_, freeze), graphs_, change);
    }
    Plan plan(const std::vector<Trial>& trials, const PlanOptions& options = {}) {
        return make_plan(trials, inputs_, graphs_, options);
    }
    static std::vector<const PlannedStage*> trainings(const Plan& plan) {
        std::vector<const PlannedStage*> stages;
        for (const PlannedStage& stage : plan.stages)
            if (stage.kind == StageKind::train) stages.push_back(&stage);
        return stages;
    }
    template <typename Spec>
    std::vector<Spec> specs(const Plan& plan) {
        std::vector<Spec> found;
        for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i) {
            const StageSpec spec = stage_spec(plan, i, inputs_, "/cache");
            if (const auto* wanted = std::get_if<Spec>(&spec)) found.push_back(*wanted);
        }
        return found;
    }
    static std::vector<std::string> details(const Plan& plan, const std::string& pass) {
        for (const PassReport& report : plan.reports)
            if (report.name == pass) return report.details;
        return {};
    }
    /// So that computing features anew is cheaper than reading them.
    void forward_is_free(const std::string& freeze) {
        Probe probe;
        probe.kind = Probe::Kind::forward;
        probe.backbone = "mobilenet_v2";
        probe.padding = "symmetric";
        probe.image_size = 64;
        probe.cut = trial(freeze).cut;
        inputs_.speeds.put(probe, {1e-15, 0, 0});
    }
    void disk_costs(double seconds_a_byte) { inputs_.speeds.put({}, {seconds_a_byte, seconds_a_byte, 0}); }

    PlanInputs inputs_ = made_up_inputs();
    GraphCache graphs_;
};

TEST_F(PassesTest, FeaturesAreKeptOnDiskForLaterSweepsUnlessThatCosts) {
    const Plan usual = plan({trial("features.14")});
    EXPECT_THAT(details(usual, "choose_cache"), ElementsAre(HasSubstr("kept for later sweeps too")));
    EXPECT_THAT(specs<FeaturesStage>(usual).at(0).taps.at(0).output, StartsWith("/cache/features-"));
    EXPECT_FALSE(trainings(usual).at(0)->recompute);
}

TEST_F(PassesTest, FeaturesLieInMemoryWhereTheDiskIsSlowOrFull) {
    const auto lies_in_memory = [&](const char* why) {
        const Plan made = plan({trial("features.14")});
        EXPECT_THAT(details(made, "choose_cache"), ElementsAre(HasSubstr(why)));
        EXPECT_THAT(specs<FeaturesStage>(made).at(0).taps.at(0).output, StartsWith("/memory/features-"));
        EXPECT_EQ(specs<TrainStage>(made).at(0).features, specs<FeaturesStage>(made).at(0).taps.at(0).output);
    };
    disk_costs(1);
    lies_in_memory("writing them to disk costs more than it saves");
    disk_costs(1e-9);
    inputs_.cache_budget = 1;
    lies_in_memory("the disk budget is used up");
}

TEST_F(PassesTest, DecodedImagesTakeTheirPartOfTheDiskBudget) {
    const std::int64_t images = 100 * 3 * 64 * 64;
    const std::int64_t features = plan({trial("features.14")}).stages.at(1).predicted.bytes;
    const auto folder = [&](std::int64_t budget) {
        inputs_.cache_budget = budget;
        return specs<FeaturesStage>(plan({trial("features.14")})).at(0).taps.at(0).output.substr(0, 7);
    };
    EXPECT_EQ(folder(images + features), "/cache/");
    EXPECT_EQ(folder(images + features - 1), "/memory");
}

TEST_F(PassesTest, FeaturesAreComputedAnewWhereNothingHoldsThemOrThatIsCheaper) {
    const auto lies_nowhere = [&](const char* why) {
        const Plan made = plan({trial("features.14")});
        EXPECT_THAT(details(made, "choose_cache"), ElementsAre(HasSubstr(why)));
        EXPECT_THAT(specs<FeaturesStage>(made), IsEmpty());
        const TrainStage train = specs<TrainStage>(made).at(0);
        EXPECT_TRUE(train.recompute);
        EXPECT_THAT(train.features, IsEmpty());
        EXPECT_THAT(trainings(made).at(0)->needs, ElementsAre(0)) << "only the decoded images";
    };
    inputs_.cache_budget = inputs_.memory_budget = 1;
    lies_nowhere("neither the disk budget nor the memory budget holds them");
    inputs_.cache_budget = std::int64_t{1} << 40;
    disk_costs(1);
    lies_nowhere("storing and reading them costs more than computing them");
}

TEST_F(PassesTest, OnlyTheOutputThatIsComputedAnewLeavesTheFrozenPass) {
    // Two epochs of what is behind the first block are cheap to compute, and its maps the largest of all.
    disk_costs(1e-7);
    inputs_.memory_budget = 1;
    const Plan made = plan({trial("all"), trial("features.1")});
    const auto passes = specs<FeaturesStage>(made);
    ASSERT_THAT(passes, SizeIs(1));
    EXPECT_THAT(passes[0].taps, ElementsAre(Field(&FeaturesStage::KeptTap::pooled, true)));
}

TEST_F(PassesTest, TailsWithoutKeptFeaturesShareOneFrozenPassWhereTheirBatchesAreEqual) {
    forward_is_free("features.14");
    const auto tail = [&](double rate, std::uint64_t seed = 1, int batch = 16) {
        return trial("features.14", [&](Trial& made) {
            made.learning_rate = rate;
            made.seed = seed;
            made.batch_size = batch;
        });
    };
    const Plan made = plan({tail(1e-3), tail(1e-4), tail(1e-3, 2), tail(1e-5), tail(1e-3, 1, 8)});
    const auto stages = trainings(made);
    ASSERT_THAT(stages, SizeIs(3));
    EXPECT_THAT(stages[0]->trials, ElementsAre(0, 1, 3));
    EXPECT_TRUE(stages[0]->whole_rank()) << "side by side, on all threads";
    EXPECT_THAT(stages[1]->trials, ElementsAre(2)) << "another seed is another order";
    EXPECT_THAT(stages[2]->trials, ElementsAre(4));
    EXPECT_THAT(specs<TrainStage>(made).at(0).trajectories, SizeIs(3));
}

TEST_F(PassesTest, TailsAreNotSteppedTogetherBeyondTheMemoryThatTheyMayUse) {
    forward_is_free("features.14");
    std::vector<Trial> tails;
    for (const double rate : {1e-5, 1e-4, 1e-3, 1e-2})
        tails.push_back(trial("features.14", [&](Trial& made) { made.learning_rate = rate; }));
    const std::int64_t one = trainings(plan({tails[0]})).at(0)->predicted.memory;
    for (const auto& [budget, stages] : std::map<std::int64_t, std::size_t>{{0, 4}, {2 * one, 2}, {4 * one, 1}}) {
        inputs_.memory_budget = budget;
        EXPECT_THAT(trainings(plan(tails)), SizeIs(stages)) << budget;
    }
}

TEST_F(PassesTest, HeadsOnTheSameFeaturesAreOneStageAndSayWhoTheyAre) {
    std::vector<Trial> heads;
    for (const double rate : {1e-5, 1e-4, 1e-3, 1e-2})
        heads.push_back(trial("all", [&](Trial& made) { made.learning_rate = rate; }));
    heads.push_back(trial("all", [](Trial& made) { made.head.pooling = Pooling::max; }));
    heads.push_back(trial("features.14"));
    const Plan made = plan(heads);
    const auto stages = trainings(made);
    ASSERT_THAT(stages, SizeIs(3));
    EXPECT_THAT(stages[0]->trials, ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(stages[1]->trials, ElementsAre(4)) << "another pooling is another array";
    EXPECT_THAT(stages[2]->trials, ElementsAre(5)) << "a tail is no head";
    const TrainStage spec = specs<TrainStage>(made).at(0);
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(spec.trajectories.at(static_cast<std::size_t>(i)).trial.learning_rate,
                  heads[static_cast<std::size_t>(i)].learning_rate);
    EXPECT_THAT(trainings(plan(heads, {.sharing = false})), SizeIs(6));
}

TEST_F(PassesTest, LongHeadsAreSpreadOverAllThreads) {
    std::vector<Trial> heads;
    for (int i = 0; i < 64; ++i)
        heads.push_back(trial("all", [&](Trial& made) {
            made.learning_rate = 1e-4 * (i + 1);
            made.head.widths = {4096, 4096};
            made.dropout = {0.1, 0.1};
            made.epochs = 50;
        }));
    inputs_.threads_per_rank = 4;
    inputs_.ranks = 2;
    EXPECT_GE(trainings(plan(heads)).size(), 8u * 4);
}

TEST_F(PassesTest, ATrainingGoesOnFromTheFurthestSnapshotThatIsNotBeyondIt) {
    const auto of_epochs = [&](int epochs) { return trial("features.14", [&](Trial& made) { made.epochs = epochs; }); };
    const std::string key = trajectory_key(of_epochs(1), inputs_);
    inputs_.snapshots[key] = {3, 6, 20};
    inputs_.snapshots["of another"] = {4};
    const std::map<int, int> expected = {{2, 0}, {3, 3}, {5, 3}, {19, 6}, {20, 20}, {40, 20}};
    for (const auto& [epochs, from] : expected) {
        const Plan made = plan({of_epochs(epochs)});
        EXPECT_EQ(made.trajectories.at(0).from_epoch, from) << epochs;
        const auto trained = specs<TrainStage>(made).at(0).trajectories.at(0);
        EXPECT_EQ(trained.resume,
                  from ? "/cache/snapshot-" + key + "-" + std::to_string(from) + ".state" : std::string());
        EXPECT_EQ(trained.trial.epochs, epochs);
        EXPECT_EQ(plan({of_epochs(epochs)}, {.sharing = false}).trajectories.at(0).from_epoch, 0);
    }
    EXPECT_LT(plan({of_epochs(25)}).predicted_seconds, plan({of_epochs(19)}).predicted_seconds);
}

TEST_F(PassesTest, ASnapshotIsLeftWhereTrainingAgainCostsMuchMore) {
    const auto keeps = [&](int epochs) {
        return plan({trial("features.14", [&](Trial& made) { made.epochs = epochs; })})
            .trajectories.at(0)
            .keeps_snapshot;
    };
    EXPECT_FALSE(keeps(1));
    EXPECT_TRUE(keeps(500));
    disk_costs(1);
    EXPECT_FALSE(keeps(500));
    disk_costs(1e-9);
    inputs_.cache_budget = 1;
    EXPECT_FALSE(keeps(500)) << "the cache has no room for it";
}

TEST_F(PassesTest, SnapshotsInFlightAreThoseOfTheBiggestTrainingsAtOnce) {
    std::vector<Trial> trials = {trial("features.18"), trial("features.14"), trial("features.10"), trial("features.6")};
    for (Trial& long_one : trials) long_one.epochs = 1000;
    CostModel costs(inputs_, graphs_);
    const double big = costs.snapshot_bytes(trials[3]), next = costs.snapshot_bytes(trials[2]);
    EXPECT_GT(big, next);
    inputs_.threads_per_rank = 1;
    EXPECT_EQ(plan(trials).in_flight_bytes, static_cast<std::int64_t>(big));
    inputs_.ranks = 2;
    EXPECT_EQ(plan(trials).in_flight_bytes, static_cast<std::int64_t>(big + next));
    EXPECT_EQ(plan(trials, {.sharing = false}).in_flight_bytes, 0) << "nobody would go on from them";
    EXPECT_EQ(plan({trial("features.6", [](Trial& made) { made.epochs = 1; })}).in_flight_bytes, 0);
    const auto spec = specs<TrainStage>(plan({trials[3]})).at(0).trajectories.at(0);
    EXPECT_EQ(spec.snapshot_key, trajectory_key(trials[3], inputs_));
    EXPECT_EQ(spec.snapshot_folder, "/cache");
}

class SplitAtRungs : public PassesTest {
  protected:
    SplitAtRungs() { options_.stopping = Halving{3, 1}; }

    std::vector<Trial> nine(int epochs = 9) {
        std::vector<Trial> trials;
        for (int i = 1; i <= 9; ++i)
            trials.push_back(trial("features.14", [&](Trial& made) {
                made.learning_rate = 1e-4 * i;
                made.epochs = epochs;
            }));
        return trials;
    }
    /// "0-1 1-3 3-9": the stretches of one trial, each of which needs the one before.
    static std::string stretches(const Plan& plan, int trial) {
        std::string text;
        for (const PlannedStage* stage : trainings(plan)) {
            const PlannedTrajectory& trajectory = plan.trajectory(stage->trajectories[0]);
            if (std::count(stage->trials.begin(), stage->trials.end(), trial) == 0) continue;
            if (stage->gate_epoch > 0) text += "|";
            text += std::to_string(trajectory.from_epoch) + "-" + std::to_string(trajectory.to_epoch) + " ";
        }
        return text;
    }

    PlanOptions options_;
};

TEST_F(SplitAtRungs, CutsATrainingWhereItIsJudged) {
    const Plan made = plan(nine(), options_);
    for (int i = 0; i < 9; ++i) EXPECT_EQ(stretches(made, i), "0-1 |1-3 |3-9 ");
    const auto stages = trainings(made);
    ASSERT_THAT(stages, SizeIs(27));
    std::map<int, std::pair<std::string, std::string>> files;  // of a stretch, by its last epoch
    for (const TrainStage& spec : specs<TrainStage>(made)) {
        const auto& stretch = spec.trajectories.at(0);
        files[stretch.trial.epochs] = {stretch.resume, stretch.keep_last};
    }
    EXPECT_THAT(files[1], Pair(IsEmpty(), EndsWith("-1.state")));
    EXPECT_THAT(files[3], Pair(EndsWith("-1.state"), EndsWith("-3.state")));
    EXPECT_THAT(files[9], Pair(EndsWith("-3.state"), _));
}

TEST_F(SplitAtRungs, PredictsThatAsManyGoOnAsTheRungsHavePlaces) {
    const Plan made = plan(nine(), options_);
    std::map<int, int> likely;  // by the epoch where the stretch begins
    for (const PlannedStage* stage : trainings(made))
        likely[made.trajectory(stage->trajectories[0]).from_epoch] += !stage->unlikely;
    EXPECT_EQ(likely, (std::map<int, int>{{0, 9}, {1, 3}, {3, 1}}));
    EXPECT_LT(made.predicted_seconds, plan(nine()).predicted_seconds / 2);
}

TEST_F(SplitAtRungs, TrialsThatDifferOnlyInEpochsShareTheirFirstStretches) {
    const Plan made = plan({nine(2)[0], nine(9)[0], nine(1)[0]}, options_);
    EXPECT_EQ(stretches(made, 0), "0-1 |1-3 ");
    EXPECT_EQ(stretches(made, 1), "0-1 |1-3 |3-9 ");
    EXPECT_EQ(stretches(made, 2), "0-1 ");
}

TEST_F(SplitAtRungs, WhatAnEarlierRunHasShownIsNotWaitedFor) {
    options_.known_epochs[nine()[4].id] = 3;
    Plan made = plan({nine()[4]}, options_);
    EXPECT_EQ(stretches(made, 0), "|0-9 ") << "its snapshot was thrown out: it trains again once it may go on";
    inputs_.snapshots[trajectory_key(nine()[4], inputs_)] = {3};
    made = plan({nine()[4]}, options_);
    EXPECT_EQ(stretches(made, 0), "|3-9 ");
    EXPECT_EQ(specs<TrainStage>(made).at(0).trajectories.at(0).reported, 3);
}

TEST_F(SplitAtRungs, ASnapshotOfAnotherSweepTellsWhatItsEpochsWereBeforeAnyDecision) {
    inputs_.snapshots[trajectory_key(nine()[0], inputs_)] = {3};
    EXPECT_EQ(stretches(plan({nine()[0]}, options_), 0), "3-3 |3-9 ");
    inputs_.snapshots[trajectory_key(nine()[0], inputs_)] = {2};
    EXPECT_EQ(stretches(plan({nine()[0]}, options_), 0), "2-3 |3-9 ");
}

TEST_F(SplitAtRungs, HeadsTrainTogetherToTheFirstRungAndAloneBehindIt) {
    std::vector<Trial> heads;
    for (int i = 1; i <= 6; ++i)
        heads.push_back(trial("all", [&](Trial& made) {
            made.learning_rate = 1e-4 * i;
            made.epochs = 3;
        }));
    const Plan made = plan(heads, options_);
    const auto stages = trainings(made);
    ASSERT_THAT(stages, SizeIs(1 + 6));
    EXPECT_THAT(stages[0]->trials, SizeIs(6));
    for (std::size_t i = 1; i < stages.size(); ++i) {
        EXPECT_THAT(stages[i]->trials, SizeIs(1));
        EXPECT_THAT(stages[i]->needs, Contains(2)) << "the stage of all";
    }
}

TEST_F(SplitAtRungs, KeepsItsFilesApartWithoutSharing) {
    options_.sharing = false;
    const Plan made = plan({nine(3)[0], nine(9)[0]}, options_);
    std::set<std::string> kept;
    int stretches = 0;
    for (const TrainStage& spec : specs<TrainStage>(made)) {
        if (spec.trajectories.at(0).keep_last.empty()) continue;
        ++stretches;
        kept.insert(spec.trajectories.at(0).keep_last);
    }
    EXPECT_EQ(stretches, 3);
    EXPECT_THAT(kept, SizeIs(3));
}

TEST_F(PassesTest, SuspectsRunAloneWhateverOthersShare) {
    std::vector<Trial> trials;
    for (int width = 8; width <= 64; width *= 2)
        trials.push_back(trial("all", [&](Trial& changed) { changed.head.widths = {width}; }));
    PlanOptions options;
    options.suspects = {trials[1].id};
    const Plan made = plan(trials, options);
    ASSERT_THAT(trainings(made), SizeIs(2)) << "the others' heads are fused";
    int alone = 0;
    for (const StageNode& node : stage_nodes(made)) alone += node.alone;
    EXPECT_EQ(alone, 1);
    for (const PlannedStage* stage : trainings(made))
        EXPECT_EQ(stage->alone, stage->trials == std::vector<int>{1}) << stage->trials.size();
    options.sharing = false;
    EXPECT_THAT(stage_nodes(plan(trials, options)), Contains(Field(&StageNode::alone, true)).Times(1));
}

}  // namespace
}  // namespace thaw
