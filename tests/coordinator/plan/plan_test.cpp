#include "coordinator/plan/plan.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
#include <set>

#include "common/util/cache_folder.hpp"
#include "coordinator/plan/passes.hpp"
#include "tests/coordinator/plan/plan_fixture.hpp"

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class PlanTest : public testing::Test {
  protected:
    /// The usual trial beside one that differs as `change` says.
    Plan plan_pair(const std::function<void(Trial&)>& change, bool sharing = true) {
        const Trial usual = made_up_trial(graphs_);
        return make_plan({usual, but(usual, graphs_, change)}, inputs_, graphs_, {.sharing = sharing});
    }
    static int count(const Plan& plan, StageKind kind) {
        return static_cast<int>(std::count_if(plan.stages.begin(), plan.stages.end(),
                                              [kind](const PlannedStage& stage) { return stage.kind == kind; }));
    }
    /// Decode stages, features stages, trajectories.
    static std::vector<int> counts(const Plan& plan) {
        return {count(plan, StageKind::decode), count(plan, StageKind::features),
                static_cast<int>(plan.trajectories.size())};
    }
    static std::vector<Tap> keys(const PlannedStage& stage) {
        std::vector<Tap> keys;
        for (const PlannedTap& tap : stage.taps) keys.push_back(tap);
        return keys;
    }
    std::vector<std::string> outputs(const Plan& plan) {
        std::vector<std::string> files;
        for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i)
            for (const std::string& file : stage_outputs(stage_spec(plan, i, inputs_, "/cache"))) files.push_back(file);
        return files;
    }
    void expect_sound(const Plan& plan);

    PlanInputs inputs_ = made_up_inputs();
    GraphCache graphs_;
};

/// What every plan must be: needs point backwards, every trial is trained once, a stage serves whoever hangs on it, and
/// what a stage reads is what one of its needs writes.
void PlanTest::expect_sound(const Plan& plan) {
    std::vector<int> trained(plan.trials.size());
    std::vector<std::set<std::string>> written;
    for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i) {
        const PlannedStage& stage = plan.stages[static_cast<std::size_t>(i)];
        const StageSpec spec = stage_spec(plan, i, inputs_, "/cache");
        const auto files = stage_outputs(spec);
        written.emplace_back(files.begin(), files.end());
        EXPECT_TRUE(std::is_sorted(stage.trials.begin(), stage.trials.end()));
        std::set<std::string> readable;
        for (const int need : stage.needs) {
            ASSERT_LT(need, i);
            const PlannedStage& needed = plan.stages[static_cast<std::size_t>(need)];
            EXPECT_TRUE(
                std::includes(needed.trials.begin(), needed.trials.end(), stage.trials.begin(), stage.trials.end()));
            readable.insert(written[static_cast<std::size_t>(need)].begin(),
                            written[static_cast<std::size_t>(need)].end());
        }
        if (const auto* features = std::get_if<FeaturesStage>(&spec)) {
            EXPECT_TRUE(readable.contains(features->images));
        }
        if (const auto* train = std::get_if<TrainStage>(&spec)) {
            EXPECT_TRUE(readable.contains(train->images));
            EXPECT_TRUE(train->features.empty() || readable.contains(train->features)) << train->features;
            ASSERT_EQ(train->trajectories.size(), stage.trajectories.size());
            std::vector<int> served;
            for (std::size_t t = 0; t < stage.trajectories.size(); ++t) {
                const PlannedTrajectory& trajectory = plan.trajectory(stage.trajectories[t]);
                const Trial& longest = train->trajectories[t].trial;
                EXPECT_EQ(train->features.empty(), longest.cut <= 1 || train->recompute);
                for (const int trial : trajectory.trials) {
                    ++trained[static_cast<std::size_t>(trial)];
                    EXPECT_LE(plan.trial(trial).epochs, longest.epochs);
                    served.push_back(trial);
                }
            }
            std::sort(served.begin(), served.end());
            EXPECT_EQ(served, stage.trials);
        }
        EXPECT_GT(stage.predicted.seconds, 0);
    }
    EXPECT_THAT(trained, testing::Each(1));
}

TEST_F(PlanTest, GivesATrialItsChain) {
    const Plan plan = make_plan({made_up_trial(graphs_)}, inputs_, graphs_);
    EXPECT_THAT(counts(plan), ElementsAre(1, 1, 1));
    EXPECT_THAT(plan.stages[1].needs, ElementsAre(0));
    EXPECT_THAT(plan.stages[2].needs, ElementsAre(0, 1));
    expect_sound(plan);
}

TEST_F(PlanTest, TrainsFromTheImagesWhereNoLayerIsFrozen) {
    for (const char* freeze : {"none", "1"}) {  // layer 1 is the input
        const Plan plan = make_plan({made_up_trial(graphs_, freeze)}, inputs_, graphs_);
        EXPECT_THAT(counts(plan), ElementsAre(1, 0, 1)) << freeze;
        expect_sound(plan);
    }
}

TEST_F(PlanTest, HasNoStagesForNoTrials) {
    const Plan plan = make_plan({}, inputs_, graphs_);
    EXPECT_THAT(plan.stages, IsEmpty());
    EXPECT_THAT(plan_text(plan, inputs_), StartsWith("0 trials"));
}

TEST_F(PlanTest, SharesThePrefixAmongAllThatOnlyTheHeadSees) {
    const std::vector<std::function<void(Trial&)>> changes = {
        [](Trial& trial) { trial.head.widths = {64}; }, [](Trial& trial) { trial.learning_rate = 0.5; },
        [](Trial& trial) { trial.batch_size = 4; },     [](Trial& trial) { trial.optimizer.kind = OptimizerKind::sgd; },
        [](Trial& trial) { trial.seed = 2; },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const Plan plan = plan_pair(changes[i]);
        EXPECT_THAT(counts(plan), ElementsAre(1, 1, 2)) << "change " << i;
        EXPECT_THAT(plan.stages[1].taps, SizeIs(1)) << "change " << i;
        expect_sound(plan);
    }
}

TEST_F(PlanTest, KnowsWeightsByTheirContentWhateverTheirName) {
    const Plan plan = plan_pair([](Trial& trial) {
        trial.weights = "copy";
        trial.epochs = 5;
    });
    EXPECT_THAT(counts(plan), ElementsAre(1, 1, 1));
    expect_sound(plan);
}

TEST_F(PlanTest, DoesNotShareThePrefixWhereItsOutputWouldDiffer) {
    const std::vector<std::function<void(Trial&)>> changes = {
        [](Trial& trial) { trial.backbone = "alexnet"; },
        [](Trial& trial) { trial.weights = "other"; },
        [](Trial& trial) { trial.weights = "as_tf"; },
        [](Trial& trial) { trial.weights = "random"; },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const Plan plan = plan_pair(changes[i]);
        EXPECT_THAT(counts(plan), ElementsAre(1, 2, 2)) << "change " << i;
        expect_sound(plan);
    }
}

TEST_F(PlanTest, DecodesOncePerImageSize) {
    const Plan plan = plan_pair([](Trial& trial) { trial.image_size = 96; });
    EXPECT_THAT(counts(plan), ElementsAre(2, 2, 2));
    expect_sound(plan);
}

TEST_F(PlanTest, KnowsRandomWeightsAsAnotherNetworkForEverySeed) {
    const Trial random = but(made_up_trial(graphs_), graphs_, [](Trial& trial) { trial.weights = "random"; });
    const Trial reseeded = but(random, graphs_, [](Trial& trial) { trial.seed = 2; });
    const Trial faster = but(random, graphs_, [](Trial& trial) { trial.learning_rate = 0.1; });
    const Plan plan = make_plan({random, reseeded, faster}, inputs_, graphs_);
    EXPECT_THAT(counts(plan), ElementsAre(1, 2, 3));
    expect_sound(plan);
    std::set<std::uint64_t> seeds;
    for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i) {
        const StageSpec spec = stage_spec(plan, i, inputs_, "/cache");
        if (const auto* features = std::get_if<FeaturesStage>(&spec)) seeds.insert(features->seed);
    }
    EXPECT_THAT(seeds, ElementsAre(1, 2));
}

TEST_F(PlanTest, TakesEveryCutFromOnePass) {
    const Trial head = made_up_trial(graphs_, "all");
    const Trial same = but(head, graphs_, [](Trial& trial) { trial.learning_rate = 0.1; });
    const Trial max = but(head, graphs_, [](Trial& trial) { trial.head.pooling = Pooling::max; });
    const Trial tail = made_up_trial(graphs_, "features.14");
    const Trial deeper = made_up_trial(graphs_, "features.7");
    const Plan plan = make_plan({head, same, max, tail, deeper}, inputs_, graphs_);
    EXPECT_THAT(counts(plan), ElementsAre(1, 1, 5));
    EXPECT_THAT(keys(plan.stages[1]),
                ElementsAre(Tap{deeper.cut, false, Pooling::average}, Tap{tail.cut, false, Pooling::average},
                            Tap{head.cut, true, Pooling::average}, Tap{head.cut, true, Pooling::max}));
    expect_sound(plan);
}

/// Heads on bases of three lengths, and a tail that begins where the shortest base ends.
TEST_F(PlanTest, TakesBasesOfAllLengthsFromOnePass) {
    const auto until = [&](const char* end, const char* freeze) {
        return but(made_up_trial(graphs_), graphs_, [&](Trial& trial) {
            trial.until = end;
            trial.freeze = freeze;
        });
    };
    const std::vector<Trial> trials = {until("", "all"), until("features.10", "all"), until("features.15", "all"),
                                       until("", "features.10"), until("features.15", "features.10")};
    for (const bool sharing : {true, false}) {
        const Plan plan = make_plan(trials, inputs_, graphs_, {.sharing = sharing});
        expect_sound(plan);
        std::map<std::string, std::string> read;  // by trial
        for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i) {
            const StageSpec spec = stage_spec(plan, i, inputs_, "/cache");
            if (const auto* train = std::get_if<TrainStage>(&spec))
                for (const auto& trajectory : train->trajectories) read[trajectory.trial.id] = train->features;
        }
        ASSERT_EQ(read.size(), 5u);
        const auto kept = [&](std::size_t trial) { return read.at(trials[trial].id); };
        const std::string at = std::to_string(trials[1].cut);
        EXPECT_THAT(kept(0), HasSubstr(std::to_string(trials[0].cut) + "-avg-"));
        EXPECT_THAT(kept(1), HasSubstr("-" + at + "-avg-"));
        EXPECT_THAT(kept(2), HasSubstr(std::to_string(trials[2].cut) + "-avg-"));
        for (const std::size_t tail : {3, 4}) EXPECT_THAT(kept(tail), HasSubstr("-" + at + "-map-"));
        EXPECT_EQ(count(plan, StageKind::features), sharing ? 1 : 5);
    }
}

TEST_F(PlanTest, TrainsTrialsThatDifferInEpochsOnceAndToTheLongest) {
    std::vector<Trial> trials;
    for (const int epochs : {4, 9, 1}) trials.push_back(made_up_trial(graphs_, "all", epochs));
    const Plan plan = make_plan(trials, inputs_, graphs_);
    EXPECT_THAT(counts(plan), ElementsAre(1, 1, 1));
    EXPECT_THAT(plan.stages[2].trials, ElementsAre(0, 1, 2));
    EXPECT_EQ(std::get<TrainStage>(stage_spec(plan, 2, inputs_, "/cache")).trajectories[0].trial.epochs, 9);
    expect_sound(plan);
}

TEST_F(PlanTest, KeepsTrajectoriesApartThatDifferInAnythingElse) {
    const std::vector<std::function<void(Trial&)>> changes = {
        [](Trial& trial) { trial.backbone = "alexnet"; },
        [](Trial& trial) { trial.weights = "other"; },
        [](Trial& trial) { trial.weights = "random"; },
        [](Trial& trial) { trial.freeze = "features.14"; },
        [](Trial& trial) { trial.head.widths = {8}; },
        [](Trial& trial) { trial.head.pooling = Pooling::max; },
        [](Trial& trial) { trial.optimizer.momentum = 0.9; },
        [](Trial& trial) { trial.optimizer.epsilon = 1e-8; },
        [](Trial& trial) { trial.learning_rate = 1e-3 * (1 + 1e-15); },
        [](Trial& trial) { trial.batch_size = 17; },
        [](Trial& trial) { trial.seed = 2; },
        [](Trial& trial) { trial.image_size = 96; },
        [](Trial& trial) { trial.until = "features.14"; },
        [](Trial& trial) { trial.head.initializer = Initializer::he_normal; },
        [](Trial& trial) { trial.loss = Loss::binary_crossentropy; },
        [](Trial& trial) { trial.label_smoothing = 0.1; },
        [](Trial& trial) { trial.class_weights.balanced = true; },
        [](Trial& trial) {
            trial.class_weights.by_class = {{"a", 2}};
        },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const Plan plan = plan_pair([&](Trial& trial) {
            trial.epochs = 5;
            changes[i](trial);
        });
        EXPECT_THAT(plan.trajectories, SizeIs(2)) << "change " << i;
    }
}

TEST_F(PlanTest, KeepsDropoutRatesApart) {
    const Trial usual = but(made_up_trial(graphs_), graphs_, [](Trial& trial) {
        trial.head.widths = {8};
        trial.dropout = {0.2};
    });
    const Trial other = but(usual, graphs_, [](Trial& trial) { trial.dropout = {0.5}; });
    EXPECT_THAT(counts(make_plan({usual, other}, inputs_, graphs_)), ElementsAre(1, 1, 2));
}

TEST_F(PlanTest, SharesNothingWithoutSharing) {
    std::vector<Trial> trials;
    for (const int epochs : {4, 9, 1}) trials.push_back(made_up_trial(graphs_, "all", epochs));
    trials.push_back(made_up_trial(graphs_, "features.14"));
    const Plan plan = make_plan(trials, inputs_, graphs_, {.sharing = false});
    EXPECT_THAT(counts(plan), ElementsAre(4, 4, 4));
    for (const PlannedStage& stage : plan.stages) EXPECT_THAT(stage.trials, SizeIs(1));
    const auto files = outputs(plan);
    EXPECT_EQ(std::set<std::string>(files.begin(), files.end()).size(), 8u);
    EXPECT_THAT(plan.reports, SizeIs(2)) << "groups and cost";
    expect_sound(plan);
}

TEST_F(PlanTest, IsTheSamePlanInEveryRunAndSoundForAnyMixOfTrials) {
    std::mt19937 random(3);
    const auto one_of = [&](auto... choices) {
        const std::vector list = {choices...};
        return list[random() % list.size()];
    };
    for (int round = 0; round < 30; ++round) {
        std::vector<Trial> trials;
        std::set<std::string> ids;
        for (int i = 0; i < 25; ++i) {
            const Trial trial = but(made_up_trial(graphs_), graphs_, [&](Trial& made) {
                made.backbone = one_of(std::string("alexnet"), std::string("mobilenet_v2"));
                made.freeze = one_of(std::string("all"), std::string("none"), std::string("50%"), std::string("5"));
                made.weights = one_of(std::string("imagenet"), std::string("copy"), std::string("random"));
                made.seed = one_of(1u, 2u);
                made.image_size = one_of(64, 96);
                made.epochs = one_of(1, 2, 3);
                made.head.pooling = one_of(Pooling::average, Pooling::max, Pooling::flatten);
            });
            if (ids.insert(trial.id).second) trials.push_back(trial);
        }
        for (const bool sharing : {true, false}) {
            const Plan plan = make_plan(trials, inputs_, graphs_, {.sharing = sharing});
            expect_sound(plan);
            const auto files = outputs(plan);
            EXPECT_EQ(std::set<std::string>(files.begin(), files.end()).size(), files.size()) << "a file written twice";
            EXPECT_EQ(plan_text(plan, inputs_),
                      plan_text(make_plan(trials, inputs_, graphs_, {.sharing = sharing}), inputs_));
        }
        if (HasFailure()) break;
    }
}

TEST_F(PlanTest, NamesOutputsByWhatIsInThem) {
    const auto names_of = [&](const Trial& trial) { return outputs(make_plan({trial}, inputs_, graphs_)); };
    const Trial usual = made_up_trial(graphs_);
    const auto expected = names_of(usual);
    ASSERT_THAT(expected, SizeIs(2));
    // Beside other trials, under another name of the same weights, trained in another way: the same files.
    EXPECT_EQ(names_of(but(usual, graphs_, [](Trial& trial) { trial.weights = "copy"; })), expected);
    EXPECT_EQ(names_of(but(usual, graphs_, [](Trial& trial) { trial.seed = 9; })), expected);
    EXPECT_EQ(outputs(plan_pair([](Trial& trial) { trial.learning_rate = 1; })), expected);

    const auto features_of = [&](const std::function<void(Trial&)>& change) {
        return names_of(but(usual, graphs_, change)).back();
    };
    std::set<std::string> all = {expected[1]};
    all.insert(features_of([](Trial& trial) { trial.weights = "other"; }));
    all.insert(features_of([](Trial& trial) { trial.weights = "as_tf"; }));
    all.insert(features_of([](Trial& trial) { trial.weights = "random"; }));
    all.insert(features_of([](Trial& trial) { trial.weights = "random", trial.seed = 2; }));
    all.insert(features_of([](Trial& trial) { trial.head.pooling = Pooling::max; }));
    all.insert(features_of([](Trial& trial) { trial.freeze = "features.14"; }));
    all.insert(features_of([](Trial& trial) { trial.image_size = 96; }));
    all.insert(features_of([](Trial& trial) { trial.precision = Precision::bfloat16; }));
    inputs_.frozen_back_end = "another";
    all.insert(names_of(usual)[1]);
    inputs_.decode.interpolation = Interpolation::nearest;
    all.insert(names_of(usual)[1]);
    inputs_.decode.resize = ResizeMethod::crop;
    all.insert(names_of(usual)[1]);
    inputs_.images_key = "data2";
    all.insert(names_of(usual)[1]);
    inputs_.decoder = "newer";
    all.insert(names_of(usual)[1]);
    EXPECT_EQ(all.size(), 14u);
    EXPECT_NE(names_of(usual)[0], expected[0]);
}

TEST_F(PlanTest, GoesOnWithNoSnapshotOfAnotherDecodersPixels) {
    const Trial trial = made_up_trial(graphs_);
    inputs_.decoder = "1";
    const std::string first = trajectory_key(trial, inputs_);
    inputs_.decoder = "2";
    EXPECT_NE(trajectory_key(trial, inputs_), first);
}

/// Caches from before this test have them: whoever changes these names without need lets users compute all again.
TEST_F(PlanTest, NamesFeaturesAsEver) {
    EXPECT_EQ(outputs(make_plan({made_up_trial(graphs_)}, inputs_, graphs_)).back(),
              "/cache/features-mobilenet_v2-154-avg-291c0243a2432c45-data1.array");
}

TEST_F(PlanTest, KeepsPrecisionsApartAndMarksTheUnusualOne) {
    const Plan plan = plan_pair([](Trial& trial) { trial.precision = Precision::bfloat16; });
    expect_sound(plan);
    EXPECT_THAT(counts(plan), ElementsAre(1, 2, 2));
    std::vector<std::string> passes, trainings;
    std::vector<Precision> precisions;
    for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i) {
        const StageSpec spec = stage_spec(plan, i, inputs_, "/cache");
        const auto* features = std::get_if<FeaturesStage>(&spec);
        if (features) precisions.push_back(features->precision);
        if (plan.stage(i).kind == StageKind::decode) continue;
        (features ? passes : trainings).push_back(describe(plan, plan.stage(i), inputs_));
    }
    EXPECT_THAT(precisions, ElementsAre(Precision::float32, Precision::bfloat16));
    EXPECT_THAT(passes, ElementsAre(StartsWith("mobilenet_v2 at"), StartsWith("mobilenet_v2 (bf16) at")));
    EXPECT_THAT(trainings, ElementsAre(StartsWith("mobilenet_v2 freeze"), StartsWith("mobilenet_v2 (bf16) freeze")));
    EXPECT_THAT(plan_text(plan, inputs_, true), HasSubstr("- mobilenet_v2 (bf16) at 64 px: one pass"));
    EXPECT_NE(trajectory_key(plan.trials[0], inputs_), trajectory_key(plan.trials[1], inputs_));
}

TEST_F(PlanTest, AsksForTheSpeedOfEachPrecision) {
    const Plan plan = plan_pair([](Trial& trial) { trial.precision = Precision::bfloat16; });
    std::vector<Precision> asked;
    for (const Probe& probe : plan.unmeasured)
        if (probe.kind == Probe::Kind::forward) asked.push_back(probe.precision);
    EXPECT_THAT(asked, ElementsAre(Precision::float32, Precision::bfloat16));
    EXPECT_LT(plan.stages[3].predicted.seconds, plan.stages[1].predicted.seconds);
    EXPECT_EQ(plan.stages[3].predicted.bytes, plan.stages[1].predicted.bytes);
}

TEST_F(PlanTest, NamesOutputsOfOtherImagesByTheSameContent) {
    const auto names = [&] { return outputs(make_plan({made_up_trial(graphs_)}, inputs_, graphs_)); };
    const auto name_of = [](const std::string& file) {
        return ArrayName::parse(std::filesystem::path(file).filename().string()).value();
    };
    const auto before = names();
    inputs_.images_key = "data2";
    const auto after = names();
    ASSERT_EQ(before.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(name_of(before[i]).content, name_of(after[i]).content);
        EXPECT_EQ(name_of(before[i]).images, "data1");
        EXPECT_EQ(name_of(after[i]).images, "data2");
    }
}

TEST_F(PlanTest, GivesTheCachesBudgetToWhatIsShared) {
    inputs_.cache_budget = 1000;
    for (const bool shared : {true, false}) {
        const Plan plan = make_plan({made_up_trial(graphs_)}, inputs_, graphs_, {.sharing = shared});
        const std::int64_t budget = shared ? 1000 : 0;
        EXPECT_EQ(std::get<DecodeStage>(stage_spec(plan, 0, inputs_, "/cache")).cache_budget, budget);
        EXPECT_EQ(std::get<FeaturesStage>(stage_spec(plan, 1, inputs_, "/cache")).cache_budget, budget);
    }
}

TEST_F(PlanTest, SaysWhatEveryPassSaved) {
    std::vector<Trial> trials;
    for (const int epochs : {4, 8}) trials.push_back(made_up_trial(graphs_, "all", epochs));
    const std::string text = plan_text(make_plan(trials, inputs_, graphs_), inputs_);
    EXPECT_THAT(text, HasSubstr("2 trials on 100 images of 3 classes (80 train, 20 validation)"));
    EXPECT_THAT(text, HasSubstr("1 decode stages saved"));
    EXPECT_THAT(text, HasSubstr("1 frozen forward passes saved"));
    EXPECT_THAT(text, HasSubstr("1 trainings saved, 4 of 12 epochs"));
}

TEST_F(PlanTest, PredictsMoreSecondsForMoreWork) {
    const auto seconds = [&](const Trial& trial) {
        double sum = 0;
        for (const PlannedStage& stage : make_plan({trial}, inputs_, graphs_).stages) sum += stage.predicted.seconds;
        return sum;
    };
    const Trial usual = made_up_trial(graphs_);
    EXPECT_GT(seconds(but(usual, graphs_, [](Trial& trial) { trial.epochs = 20; })), seconds(usual));
    EXPECT_GT(seconds(but(usual, graphs_, [](Trial& trial) { trial.freeze = "features.14"; })), seconds(usual));
    EXPECT_GT(seconds(but(usual, graphs_, [](Trial& trial) { trial.freeze = "none"; })),
              seconds(but(usual, graphs_, [](Trial& trial) { trial.freeze = "features.14"; })));
    EXPECT_GT(seconds(but(usual, graphs_, [](Trial& trial) { trial.head.widths = {4096, 4096}; })), seconds(usual));
}

TEST_F(PlanTest, PredictsThatWhatStandsInTheCacheIsOnlyRead) {
    const std::vector<Trial> trials = {made_up_trial(graphs_), made_up_trial(graphs_, "features.14")};
    const auto seconds = [&](std::size_t stage) {
        return make_plan(trials, inputs_, graphs_).stages[stage].predicted.seconds;
    };
    const double decoded = seconds(0), forwarded = seconds(1);
    const Tap deep{trials[0].cut, true, Pooling::average}, shallow{trials[1].cut, false, Pooling::average};
    inputs_.cached_arrays = {decoded_array(trials[0], inputs_).file(), features_array(trials[0], deep, inputs_).file()};
    EXPECT_LT(seconds(0), decoded / 10);
    EXPECT_LT(seconds(1), forwarded) << "only the shallower output is to be made";
    EXPECT_GT(seconds(1), forwarded / 10);
    inputs_.cached_arrays.insert(features_array(trials[1], shallow, inputs_).file());
    EXPECT_LT(seconds(1), forwarded / 10);
}

TEST_F(PlanTest, PredictsTheBytesThatAreWritten) {
    const Plan plan = make_plan({made_up_trial(graphs_)}, inputs_, graphs_);
    EXPECT_EQ(plan.stages[0].predicted.bytes, 100 * 3 * 64 * 64);
    EXPECT_EQ(plan.stages[1].predicted.bytes, 100 * 4 * 1280);
    EXPECT_EQ(plan.stages[2].predicted.bytes, 0);
}

}  // namespace
}  // namespace thaw
