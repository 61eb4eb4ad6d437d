// What the coordinator decides, event by event: no threads, no channel, no database, and a clock that the test sets.
#include "coordinator/dispatch/reactor.hpp"

#include <fmt/ranges.h>
#include <gmock/gmock.h>

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Texts = std::vector<std::string>;

/// Trials t0, t1, … of two epochs each.
Plan plan_of_trials(int count) {
    Plan plan;
    plan.shared = true;
    for (int i = 0; i < count; ++i) {
        Trial trial;
        trial.id = fmt::format("t{}", i);
        trial.epochs = 2;
        plan.trials.push_back(trial);
    }
    return plan;
}

/// All trials' images, then one training each.
Plan decode_and_train(int count) {
    Plan plan = plan_of_trials(count);
    PlannedStage decode;
    for (int i = 0; i < count; ++i) decode.trials.push_back(i);
    plan.stages.push_back(decode);
    for (int i = 0; i < count; ++i) {
        plan.trajectories.push_back({{i}, 0, 2});
        PlannedStage train;
        train.kind = StageKind::train;
        train.trials = {i};
        train.needs = {0};
        train.trajectories = {i};
        plan.stages.push_back(train);
    }
    return plan;
}

/// Each training is cut after its first epoch: stages 0, 1, … are the first halves, those behind them wait for the
/// rule.
Plan cut_at_a_rung(int count) {
    Plan plan = plan_of_trials(count);
    for (const bool second : {false, true})
        for (int i = 0; i < count; ++i) {
            plan.trajectories.push_back({{i}, second ? 1 : 0, second ? 2 : 1});
            PlannedStage half;
            half.kind = StageKind::train;
            half.trials = {i};
            half.trajectories = {static_cast<int>(plan.trajectories.size()) - 1};
            if (second) {
                half.needs = {i};
                half.gate_epoch = 1;
            }
            plan.stages.push_back(half);
        }
    return plan;
}

struct TextOf {
    std::string operator()(const RecordStage& stage) const {
        return fmt::format("stage {} {}", stage.done.stage, stage.error.empty() ? "done" : "failed: " + stage.error);
    }
    std::string operator()(const RecordBadImages& bad) const { return fmt::format("{} bad images", bad.images); }
    std::string operator()(const StartTrial& start) const {
        return fmt::format("start t{} on {}", start.trial, start.rank);
    }
    std::string operator()(const RecordEpoch& epoch) const {
        return fmt::format("t{} epoch {}{}", epoch.trial, epoch.metrics.epoch,
                           epoch.metrics.predicted.empty() ? "" : " with predictions");
    }
    std::string operator()(const PauseTrial& pause) const { return fmt::format("pause t{}", pause.trial); }
    std::string operator()(const FinishTrial& finish) const {
        return fmt::format("finish t{} at {}", finish.trial, finish.result_epoch);
    }
    std::string operator()(const StopTrial& stop) const { return fmt::format("stop t{}", stop.trial); }
    std::string operator()(const FailTrial& fail) const {
        return fmt::format("fail t{}: {}", fail.trial, fail.message);
    }
    std::string operator()(const MarkOverdue& mark) const {
        return fmt::format("{} {}overdue", mark.trials, mark.overdue ? "" : "no more ");
    }
    std::string operator()(const StartStage& start) const {
        return fmt::format("run {} on {} for {}", start.stage, start.ranks, start.trials);
    }
    std::string operator()(const RemoveOutputs& removed) const {
        return fmt::format("remove outputs {}", removed.stage);
    }
    std::string operator()(const RemoveFile& removed) const { return "remove " + removed.path; }
};

/// In the order in which it is carried out.
Texts texts(const Reaction& reaction) {
    Texts all;
    for (const Write& write : reaction.writes) all.push_back(std::visit(TextOf(), write));
    for (const Order& order : reaction.orders) all.push_back(std::visit(TextOf(), order));
    return all;
}

class ReactorTest : public testing::Test {
  protected:
    /// Begins to carry the plan out; it runs against `rule`, if any.
    Texts begin(Plan plan, const StoppingRule& rule = {}) {
        plan_ = std::move(plan);
        pruner_.emplace(rule, plan_.trials);
        return begin_again();
    }
    /// The same with what the pruner has been told meanwhile.
    Texts begin_again() {
        reactor_.emplace(plan_, *pruner_, 30);
        return texts(reactor_->begin());
    }
    Texts on(const Message& message, int rank = 0) { return texts(reactor_->on(rank, message, now_)); }
    Texts hello(int rank = 0) { return on(Hello{"nowhere", 1}, rank); }
    Texts epoch(int stage, int number, double accuracy = 0.5, double loss = 1) {
        EpochDone done{stage, 0, {number, 1, 0.5, loss, accuracy, 0.1}};
        done.metrics.predicted = {1, 0};
        return on(done);
    }
    Texts done(int stage) { return on(StageDone{.stage = stage}); }
    Texts overdue() { return texts(reactor_->look_for_overdue(now_)); }
    const Outcome& outcome() const { return reactor_->outcome(); }

    Plan plan_;
    std::optional<Pruner> pruner_;
    std::optional<Reactor> reactor_;
    double now_ = 0;  // s
};

TEST_F(ReactorTest, CarriesAPlanOutAndWritesDownBeforeItActs) {
    EXPECT_THAT(begin(decode_and_train(1)), IsEmpty());
    EXPECT_THAT(hello(), ElementsAre("run 0 on [0] for []")) << "shared stages serve too many trials to be named";
    EXPECT_THAT(done(0), ElementsAre("stage 0 done", "start t0 on 0", "run 1 on [0] for [0]"));
    EXPECT_THAT(epoch(1, 1), ElementsAre("t0 epoch 1"));
    EXPECT_FALSE(reactor_->over());
    EXPECT_THAT(epoch(1, 2), ElementsAre("t0 epoch 2 with predictions", "finish t0 at 2"));
    EXPECT_THAT(epoch(1, 3), IsEmpty()) << "has ended";
    EXPECT_THAT(done(1), ElementsAre("stage 1 done"));
    EXPECT_TRUE(reactor_->over());
    EXPECT_EQ(outcome().finished, 1);
    EXPECT_EQ(outcome().failed, 0);
}

TEST_F(ReactorTest, IsOverAtOnceWhereNothingIsToBeDone) {
    EXPECT_THAT(begin(plan_of_trials(0)), IsEmpty());
    EXPECT_TRUE(reactor_->over());
}

TEST_F(ReactorTest, CountsTheSecondsFromTheFirstStagesStartToTheLastOnesEnd) {
    begin(decode_and_train(1));
    now_ = 3;
    hello();
    EXPECT_EQ(outcome().seconds, 0) << "nothing has ended";
    now_ = 10;
    done(0);
    EXPECT_EQ(outcome().seconds, 7);
    now_ = 12;
    epoch(1, 1);
    EXPECT_EQ(outcome().seconds, 7);
    on(StageFailed{1, "diverged"});
    EXPECT_EQ(outcome().seconds, 9);
}

TEST_F(ReactorTest, GivesEveryTrialOfATrajectoryItsEpochs) {
    Plan plan = decode_and_train(2);
    plan.trials[1].epochs = 5;
    plan.trajectories = {{{0, 1}, 0, 5}};
    plan.stages.pop_back();
    plan.stages[1].trials = {0, 1};
    begin(plan);
    hello();
    EXPECT_THAT(done(0), ElementsAre("stage 0 done", "start t0 on 0", "start t1 on 0", "run 1 on [0] for [0, 1]"));
    epoch(1, 1);
    EXPECT_THAT(epoch(1, 2), ElementsAre("t0 epoch 2 with predictions", "finish t0 at 2", "t1 epoch 2"));
    EXPECT_THAT(epoch(1, 3), ElementsAre("t1 epoch 3"));
    EXPECT_THAT(on(StageFailed{1, "diverged"}), ElementsAre("stage 1 failed: diverged", "fail t1: diverged"))
        << "what is finished stays so";
    EXPECT_EQ(outcome().finished, 1);
    EXPECT_EQ(outcome().failed, 1);
}

TEST_F(ReactorTest, EndsATrialWhereEarlyStoppingDoesAndTakesTheBestEpoch) {
    Plan plan = decode_and_train(1);
    plan.trials[0].epochs = 9;
    plan.trials[0].early_stop = {.patience = 2, .restore_best = true};
    plan.trajectories[0].to_epoch = 9;
    begin(plan);
    hello();
    done(0);
    EXPECT_THAT(epoch(1, 1, 0.5, 1), ElementsAre("t0 epoch 1"));
    EXPECT_THAT(epoch(1, 2, 0.5, 0.5), ElementsAre("t0 epoch 2"));
    EXPECT_THAT(epoch(1, 3, 0.5, 0.75), ElementsAre("t0 epoch 3"));
    EXPECT_THAT(epoch(1, 4, 0.5, 0.75), ElementsAre("t0 epoch 4 with predictions", "finish t0 at 2"));
    EXPECT_THAT(done(1), ElementsAre("stage 1 done"));
}

TEST_F(ReactorTest, SendsAStageOfSeveralRanksToAllOfThem) {
    Plan plan = decode_and_train(1);
    plan.stages[1].ranks = 2;
    begin(plan);
    hello(1);
    EXPECT_THAT(on(StageDone{}, 1), ElementsAre("stage 0 done")) << "not so many have joined yet";
    EXPECT_THAT(hello(0), ElementsAre("start t0 on 0", "run 1 on [0, 1] for [0]"));
}

TEST_F(ReactorTest, RunsASuspectWhenNothingElseDoes) {
    Plan plan = decode_and_train(3);
    plan.stages[1].alone = true;
    begin(plan);
    on(Hello{"nowhere", 2});
    EXPECT_THAT(done(0), ElementsAre("stage 0 done", "start t1 on 0", "start t2 on 0", "run 2 on [0] for [1]",
                                     "run 3 on [0] for [2]"));
    EXPECT_THAT(on(StageFailed{2, "diverged"}), ElementsAre("stage 2 failed: diverged", "fail t1: diverged"));
    EXPECT_THAT(on(StageFailed{3, "diverged"}),
                ElementsAre("stage 3 failed: diverged", "fail t2: diverged", "start t0 on 0", "run 1 on [0] for [0]"));
}

TEST_F(ReactorTest, RemovesWhatIsOfNoMoreUse) {
    for (const bool shared : {true, false}) {
        Plan plan = decode_and_train(2);
        plan.shared = shared;
        begin(plan);
        hello();
        done(0);
        epoch(1, 1);
        EXPECT_THAT(on(EpochDone{1, 0, {2, 1, 0.5, 1, 0.5, 0.1}, "snapshot"}),
                    ElementsAre("t0 epoch 2", "finish t0 at 2", "remove snapshot"));
        done(1);
        const Texts last = on(StageFailed{2, "diverged"});
        EXPECT_EQ(last, shared ? Texts({"stage 2 failed: diverged", "fail t1: diverged"})
                               : Texts({"stage 2 failed: diverged", "fail t1: diverged", "remove outputs 2",
                                        "remove outputs 0"}));
    }
}

TEST_F(ReactorTest, WritesDownHowManyImagesCannotBeRead) {
    begin(decode_and_train(1));
    hello();
    EXPECT_THAT(on(StageDone{.bad_images = 3}),
                ElementsAre("stage 0 done", "3 bad images", "start t0 on 0", "run 1 on [0] for [0]"));
}

TEST_F(ReactorTest, AFailedStageTakesDownOnlyWhoNeedsIt) {
    Plan plan = decode_and_train(2);
    plan.stages.insert(plan.stages.begin() + 1, plan.stages[0]);  // the second trial's images are others
    plan.stages[0].trials = {0};
    plan.stages[1].trials = {1};
    plan.stages[3].needs = {1};
    begin(plan);
    on(Hello{"nowhere", 1});
    EXPECT_THAT(on(StageFailed{0, "out of memory"}),
                ElementsAre("stage 0 failed: out of memory", "fail t0: out of memory", "run 1 on [0] for []"));
    EXPECT_THAT(done(1), ElementsAre("stage 1 done", "start t1 on 0", "run 3 on [0] for [1]"));
    EXPECT_EQ(outcome().failed, 1);
}

TEST_F(ReactorTest, EndsWhereTheInputIsWrongOrThereIsNoRoom) {
    for (const FailureScope scope : {FailureScope::sweep, FailureScope::sweep_for_now}) {
        begin(decode_and_train(2));
        hello();
        EXPECT_THAT(on(StageFailed{0, "why", scope}), ElementsAre("stage 0 failed: why")) << "no trial's fault";
        EXPECT_TRUE(reactor_->over());
        EXPECT_EQ(outcome().failed, 0);
        EXPECT_EQ(outcome().input_error, scope == FailureScope::sweep ? "why" : "");
        EXPECT_EQ(outcome().storage_error, scope == FailureScope::sweep_for_now ? "why" : "");
    }
}

TEST_F(ReactorTest, FailsWhoWouldHaveGoneOnFromAPhaseThatFailed) {
    Plan plan = decode_and_train(3);  // the second goes on from the first, the third is on its own
    plan.earlier = {-1, 0, -1};
    plan.stages[2].needs = {0, 1};
    begin(plan);
    hello();
    done(0);
    const Texts failed = on(TrajectoryFailed{1, 0, "diverged"});
    EXPECT_THAT(failed, ElementsAre("fail t0: diverged", HasSubstr("fail t1: its earlier phase, trial t0 (")));
    EXPECT_THAT(failed.at(1), HasSubstr("), failed: diverged"));
    EXPECT_EQ(outcome().failed, 2);
}

TEST_F(ReactorTest, TrainsWhatIsFinishedAgainWithoutWritingItDown) {
    Plan plan = decode_and_train(1);
    plan.repeated = {0};
    begin(plan);
    hello();
    EXPECT_THAT(done(0), ElementsAre("stage 0 done", "run 1 on [0] for []"));
    EXPECT_THAT(epoch(1, 1), IsEmpty());
    EXPECT_THAT(epoch(1, 2), IsEmpty());
    EXPECT_THAT(done(1), ElementsAre("stage 1 done"));
    EXPECT_EQ(outcome().finished, 0);
}

TEST_F(ReactorTest, StopsWhomTheRuleStopsAndGoesOnWithTheOthers) {
    begin(cut_at_a_rung(4), Halving{2, 1});  // two of four go on
    on(Hello{"nowhere", 4});
    EXPECT_THAT(epoch(0, 1, 0.5), ElementsAre("t0 epoch 1"));
    EXPECT_THAT(done(0), ElementsAre("stage 0 done", "pause t0")) << "it waits for the rule";
    epoch(1, 1, 0.9);
    done(1);
    EXPECT_THAT(epoch(2, 1, 0.7), ElementsAre("t2 epoch 1", "start t1 on 0", "stop t0", "run 5 on [0] for [1]"))
        << "the last may still beat the third, but neither the best one nor the worst is in doubt";
    EXPECT_THAT(done(2), ElementsAre("stage 2 done", "pause t2"));
    EXPECT_THAT(epoch(3, 1, 0.6), ElementsAre("t3 epoch 1", "start t2 on 0", "stop t3", "run 6 on [0] for [2]"));
    EXPECT_THAT(done(3), ElementsAre("stage 3 done"));
    for (const int second : {5, 6}) {
        epoch(second, 2);
        done(second);
    }
    EXPECT_TRUE(reactor_->over()) << "nothing waits for those that were stopped";
    EXPECT_EQ(outcome().finished, 2);
}

TEST_F(ReactorTest, AFailedTrialTakesItsPlaceInTheRung) {
    begin(cut_at_a_rung(2), Halving{2, 1});
    on(Hello{"nowhere", 2});
    epoch(0, 1, 0.1);
    done(0);
    EXPECT_THAT(on(StageFailed{1, "diverged"}),
                ElementsAre("stage 1 failed: diverged", "fail t1: diverged", "start t0 on 0", "run 2 on [0] for [0]"))
        << "nobody is left who could be better";
    EXPECT_EQ(outcome().failed, 1) << "once, though its second half is given up too";
}

TEST_F(ReactorTest, BeginsWithWhatEarlierRunsHaveDecided) {
    const std::vector<Trial> search = plan_of_trials(3).trials;
    pruner_.emplace(Halving{3, 1}, search);
    for (const Trial& trial : search) pruner_->epoch_done(trial.id, {1, 1, 0.5, 1, trial.id == "t0" ? 0.9 : 0.1, 0.1});
    plan_ = cut_at_a_rung(2);  // the third is left alone, as stopped before
    EXPECT_THAT(begin_again(), ElementsAre("stop t1"));
    EXPECT_THAT(on(Hello{"nowhere", 2}), ElementsAre("start t0 on 0", "run 0 on [0] for [0]", "run 1 on [0] for []"));
    EXPECT_THAT(epoch(0, 1, 0.9), ElementsAre("t0 epoch 1")) << "nothing is decided twice";
    EXPECT_THAT(done(0), ElementsAre("stage 0 done", "pause t0", "start t0 on 0", "run 2 on [0] for [0]"));
}

TEST_F(ReactorTest, FindsWhoTakesManyTimesAsLongAsItShould) {
    begin(decode_and_train(2));
    hello();
    done(0);
    now_ = 29;
    EXPECT_THAT(overdue(), IsEmpty());
    now_ = 31;
    EXPECT_THAT(overdue(), ElementsAre("[0] overdue"));
    EXPECT_THAT(overdue(), IsEmpty()) << "is said once";
    now_ = 40;
    EXPECT_THAT(epoch(1, 1), ElementsAre("[0] no more overdue", "t0 epoch 1"));
    now_ = 69;
    EXPECT_THAT(overdue(), IsEmpty());
    now_ = 71;
    EXPECT_THAT(overdue(), ElementsAre("[0] overdue"));
    on(StageFailed{1, "diverged"});
    now_ = 100;
    EXPECT_THAT(overdue(), IsEmpty()) << "the other has just begun";
}

TEST_F(ReactorTest, GivesLongTrainingsLongerForAnEpoch) {
    Plan plan = decode_and_train(1);
    plan.stages[1].predicted.seconds = 100;  // ten times 50 s an epoch
    begin(plan);
    hello();
    done(0);
    now_ = 499;
    EXPECT_THAT(overdue(), IsEmpty());
    now_ = 501;
    EXPECT_THAT(overdue(), ElementsAre("[0] overdue"));
}

TEST_F(ReactorTest, KeepsTheEpochsThatComeAfterTheStopAndBeginsNothing) {
    begin(cut_at_a_rung(2), Halving{2, 1});
    on(Hello{"nowhere", 2});
    epoch(0, 1, 0.9);
    reactor_->stop();
    EXPECT_THAT(epoch(1, 1, 0.5), ElementsAre("t1 epoch 1", "stop t1")) << "the other's second half does not begin";
    EXPECT_THAT(on(StageFailed{0, "dropped"}), IsEmpty());
    EXPECT_THAT(hello(1), IsEmpty());
    EXPECT_EQ(outcome().failed, 0);
}

TEST(Gates, OpenWhenAllThatTheyWaitForIsDecidedIfOneTrialGoesOn) {
    Plan plan = cut_at_a_rung(2);
    plan.stages[2].trials = {0, 1};
    plan.stages.pop_back();
    for (const bool wanted : {true, false}) {
        Gates gates(plan);
        EXPECT_EQ(gates.decide(0, 2, true), std::nullopt) << "another epoch's";
        EXPECT_EQ(gates.decide(0, 1, wanted), std::nullopt) << "one is still to come";
        EXPECT_EQ(gates.decide(1, 1, false), (Gates::Verdict{2, wanted}));
    }
}

}  // namespace
}  // namespace thaw
