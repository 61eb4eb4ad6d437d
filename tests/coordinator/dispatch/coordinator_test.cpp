#include "coordinator/dispatch/coordinator.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <functional>
#include <list>
#include <thread>

#include "common/util/error.hpp"
#include "results/query/query.hpp"
#include "tests/coordinator/plan/plan_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

EpochMetrics epoch(int number) {
    return {number, 1.0 / number, 0.5, 2.0 / number, number / 100.0, 0.25, {}, "weights"};
}

/// A worker that answers orders as its script says; without a script every stage succeeds.
class ScriptedWorker {
  public:
    using Script = std::function<void(Channel& channel, const RunStage& order)>;

    ScriptedWorker(Channel& channel, Script script, int threads = 1)
        : thread_([this, &channel, script = std::move(script), threads] {
              channel.send(Channel::kCoordinator, Hello{"nowhere", threads});
              for (;;) {
                  const auto envelope = channel.receive(std::chrono::seconds(20));
                  if (!envelope || std::holds_alternative<Stop>(envelope->message)) break;
                  const auto& order = std::get<RunStage>(envelope->message);
                  orders_.push_back(order);
                  script ? script(channel, order) : succeed(channel, order);
              }
              channel.send(Channel::kCoordinator, Goodbye{});
          }) {}

    static void succeed(Channel& channel, const RunStage& order) {
        if (const auto* train = std::get_if<TrainStage>(&order.spec))
            for (int t = 0; t < static_cast<int>(train->trajectories.size()); ++t)
                for (int i = 1; i <= train->trajectories[static_cast<std::size_t>(t)].trial.epochs; ++i)
                    channel.send(Channel::kCoordinator, EpochDone{order.stage, t, epoch(i)});
        channel.send(Channel::kCoordinator, StageDone{order.stage, 0.5, 1000, 0, false});
    }

    /// Once the thread has ended.
    const std::vector<RunStage>& orders() {
        if (thread_.joinable()) thread_.join();
        return orders_;
    }

  private:
    std::vector<RunStage> orders_;
    std::jthread thread_;
};

class CoordinatorTest : public testing::Test {
  protected:
    Outcome run(const std::vector<Trial>& trials, const std::vector<ScriptedWorker::Script>& scripts,
                bool sharing = true) {
        Plan plan = make_plan(trials, inputs_, graphs_, {.sharing = sharing});
        ChannelEnds ends = make_local_channel(static_cast<int>(scripts.size()));
        Store store(database());
        store.begin_sweep(SweepRecord(), trials);
        std::list<ScriptedWorker> workers;
        for (std::size_t i = 0; i < scripts.size(); ++i) workers.emplace_back(*ends.workers[i], scripts[i]);
        ProgressDisplay quiet(stderr, ProgressDisplay::Mode::quiet);
        const Outcome outcome =
            coordinate(plan, inputs_, *ends.coordinator, store, quiet, pruner_, stop_,
                       {.cache = folder_ / "", .patience = std::chrono::seconds(5), .overdue_seconds = overdue_});
        for (ScriptedWorker& worker : workers) orders_.push_back(worker.orders());
        return outcome;
    }
    std::filesystem::path database() const { return folder_ / "results.db"; }
    /// The answer without its header line.
    std::string query(const std::string& sql) {
        std::string csv = run_query(database(), {.query = sql, .format = TableFormat::csv});
        std::erase(csv, '\r');
        return csv.substr(csv.find('\n') + 1);
    }
    std::string state_of(const Trial& trial) {
        std::string state = query("SELECT state FROM trials WHERE id = '" + trial.id + "'");
        while (!state.empty() && std::isspace(static_cast<unsigned char>(state.back()))) state.pop_back();
        return state;
    }
    int epochs_of(const Trial& trial) {
        return std::stoi(query("SELECT count(*) FROM epochs WHERE trial = '" + trial.id + "'"));
    }

    TemporaryFolder folder_;
    PlanInputs inputs_ = made_up_inputs();
    GraphCache graphs_;
    Pruner pruner_{{}, {}};  // that stops nobody
    std::atomic<bool> stop_{false};
    double overdue_ = 30;                        // s
    std::vector<std::vector<RunStage>> orders_;  // by rank
};

TEST_F(CoordinatorTest, RunsAPlanToItsEnd) {
    const Trial trial = made_up_trial(graphs_);
    const Outcome outcome = run({trial}, {nullptr});
    EXPECT_EQ(outcome.finished, 1);
    EXPECT_EQ(outcome.failed, 0);
    EXPECT_FALSE(outcome.interrupted);
    EXPECT_THAT(outcome.input_error, IsEmpty());
    EXPECT_EQ(state_of(trial), "finished");
    ASSERT_THAT(orders_[0], SizeIs(3));
    EXPECT_TRUE(std::holds_alternative<DecodeStage>(orders_[0][0].spec));
    EXPECT_TRUE(std::holds_alternative<TrainStage>(orders_[0][2].spec));
    EXPECT_THAT(query("SELECT count(*) FROM stages WHERE error = ''"), HasSubstr("3"));
}

TEST_F(CoordinatorTest, WritesDownWhoIsOverdueBeforeTheWorldMayDieAndNamesTrialsInOrders) {
    const Trial trial = made_up_trial(graphs_, "all", 2);
    overdue_ = 1e-9;  // and ten times the predicted seconds of an epoch, which are next to none
    std::string in_flight, after_an_epoch;
    const auto wait = [&](Channel& channel, const RunStage& order) {
        if (!std::holds_alternative<TrainStage>(order.spec)) return ScriptedWorker::succeed(channel, order);
        const std::string overdue = "SELECT trial, overdue FROM attempts";
        const auto wait_for = [&](const std::string& wanted) {
            std::string answer;
            for (int i = 0; i < 500 && answer.find(wanted) == std::string::npos; ++i) {
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
                answer = query(overdue);
            }
            return answer;
        };
        in_flight = wait_for(",1");
        channel.send(Channel::kCoordinator, EpochDone{order.stage, 0, epoch(1)});
        after_an_epoch = wait_for(",0");
        channel.send(Channel::kCoordinator, EpochDone{order.stage, 0, epoch(2)});
        channel.send(Channel::kCoordinator, StageDone{order.stage, 0.5, 1000, 0, false});
    };
    EXPECT_EQ(run({trial}, {wait}).finished, 1);
    EXPECT_EQ(in_flight, trial.id + ",1\n");
    EXPECT_THAT(after_an_epoch, HasSubstr(trial.id + ",0"));
    ASSERT_THAT(orders_[0], SizeIs(3));
    EXPECT_THAT(orders_[0][0].trials, IsEmpty());
    EXPECT_THAT(orders_[0][2].trials, ElementsAre(trial.id));
}

TEST_F(CoordinatorTest, EndsAtOnceWhereNothingIsToBeDone) {
    const Outcome outcome = run({}, {nullptr, nullptr});
    EXPECT_EQ(outcome.finished, 0);
    EXPECT_THAT(orders_[0], IsEmpty());
}

TEST_F(CoordinatorTest, SpreadsTrialsOverTheRanks) {
    std::vector<Trial> trials;
    for (std::uint64_t seed = 1; seed <= 6; ++seed)
        trials.push_back(but(made_up_trial(graphs_, "features.14"), graphs_, [&](Trial& trial) { trial.seed = seed; }));
    const auto take_time = [](Channel& channel, const RunStage& order) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ScriptedWorker::succeed(channel, order);
    };
    EXPECT_EQ(run(trials, {take_time, take_time}).finished, 6);
    EXPECT_EQ(orders_[0].size() + orders_[1].size(), 8u);
    EXPECT_THAT(orders_[0], testing::Not(IsEmpty()));
    EXPECT_THAT(orders_[1], testing::Not(IsEmpty()));
}

TEST_F(CoordinatorTest, GivesEveryTrialOfATrajectoryItsEpochs) {
    const Trial brief = made_up_trial(graphs_, "all", 1), middle = made_up_trial(graphs_, "all", 3),
                longest = made_up_trial(graphs_, "all", 5);
    EXPECT_EQ(run({longest, brief, middle}, {nullptr}).finished, 3);
    EXPECT_EQ(epochs_of(brief), 1);
    EXPECT_EQ(epochs_of(middle), 3);
    EXPECT_EQ(epochs_of(longest), 5);
    EXPECT_THAT(query("SELECT validation_accuracy FROM leaderboard ORDER BY epochs"), "0.01\n0.03\n0.05\n");
}

TEST_F(CoordinatorTest, FinishesATrialAsSoonAsItsEpochsAreDone) {
    const Trial brief = made_up_trial(graphs_, "all", 2), longer = made_up_trial(graphs_, "all", 9);
    const auto diverge = [](Channel& channel, const RunStage& order) {
        if (order.spec.index() != 2) return ScriptedWorker::succeed(channel, order);
        for (int i = 1; i <= 3; ++i) channel.send(Channel::kCoordinator, EpochDone{order.stage, 0, epoch(i)});
        channel.send(Channel::kCoordinator, StageFailed{order.stage, "the loss became nan"});
    };
    const Outcome outcome = run({brief, longer}, {diverge});
    EXPECT_EQ(outcome.finished, 1);
    EXPECT_EQ(outcome.failed, 1);
    EXPECT_EQ(state_of(brief), "finished");
    EXPECT_EQ(state_of(longer), "failed");
    EXPECT_THAT(query("SELECT message FROM failed_trials"), HasSubstr("the loss became nan"));
}

TEST_F(CoordinatorTest, LetsAFailedStageTakeDownOnlyTheTrialsThatNeedIt) {
    const Trial fine = made_up_trial(graphs_);
    const Trial doomed = but(fine, graphs_, [](Trial& trial) { trial.weights = "other"; });
    const Trial doomed_too = but(doomed, graphs_, [](Trial& trial) { trial.learning_rate = 0.5; });
    const auto fail_other = [](Channel& channel, const RunStage& order) {
        const auto* features = std::get_if<FeaturesStage>(&order.spec);
        if (!features || features->weights.path != "/w/other") return ScriptedWorker::succeed(channel, order);
        channel.send(Channel::kCoordinator, StageFailed{order.stage, "out of memory"});
    };
    const Outcome outcome = run({doomed, fine, doomed_too}, {fail_other});
    EXPECT_EQ(outcome.finished, 1);
    EXPECT_EQ(outcome.failed, 2);
    EXPECT_EQ(state_of(fine), "finished");
    EXPECT_EQ(query("SELECT DISTINCT message FROM failed_trials"), "out of memory\n");
    EXPECT_THAT(query("SELECT count(*) FROM stages WHERE error = 'out of memory'"), "1\n");
}

/// Two phases and a third; the first fails in its training, or its whole stage does.
TEST_F(CoordinatorTest, FailsWhoWouldHaveGoneOnFromAPhaseThatFailed) {
    const auto phased = [&](const std::string& freeze, std::vector<Phase> phases) {
        Trial trial = made_up_trial(graphs_, freeze);
        trial.phases = std::move(phases);
        trial.id = trial_id(trial, trial_context(trial, inputs_));
        return trial;
    };
    const Trial head = phased("all", {}), fine = made_up_trial(graphs_, "features.7");
    const Phase first = {"all", 1e-3, 2, head.frozen_layers, head.cut};
    const Trial middle = phased("features.14", {first});
    const Trial last = phased("features.7", {first, {"features.14", 1e-3, 2, middle.frozen_layers, middle.cut}});
    for (const bool whole : {false, true}) {
        std::filesystem::remove(database());
        const auto diverge = [&](Channel& channel, const RunStage& order) {
            const auto* train = std::get_if<TrainStage>(&order.spec);
            if (!train || train->trajectories[0].trial.id == fine.id) return ScriptedWorker::succeed(channel, order);
            const bool first_of_all = train->trajectories[0].start.empty();
            if (whole && first_of_all) {
                channel.send(Channel::kCoordinator, StageFailed{order.stage, "diverged"});
                return;
            }
            channel.send(Channel::kCoordinator,
                         TrajectoryFailed{order.stage, 0, first_of_all ? "diverged" : "no file"});
            channel.send(Channel::kCoordinator, StageDone{order.stage, 0.5, 1000, 0, false});
        };
        const Outcome outcome = run({head, middle, last, fine}, {diverge});
        EXPECT_EQ(outcome.finished, 1);
        EXPECT_EQ(outcome.failed, 3);
        const std::string head_failed =
            "its earlier phase, trial " + head.id + " (freeze all, learning rate 0.001), failed: ";
        EXPECT_THAT(query("SELECT message FROM failed_trials WHERE trial = '" + middle.id + "'"),
                    HasSubstr(head_failed + "diverged"));
        EXPECT_THAT(query("SELECT message FROM failed_trials WHERE trial = '" + last.id + "'"),
                    HasSubstr("its earlier phase, trial " + middle.id +
                              " (freeze features.14, learning rate 0.001), failed: " + head_failed + "diverged"));
    }
}

TEST_F(CoordinatorTest, EndsTheRunWhereAWorkerFindsTheInputWrong) {
    const Trial trial = made_up_trial(graphs_);
    const auto refuse = [](Channel& channel, const RunStage& order) {
        channel.send(Channel::kCoordinator, StageFailed{order.stage, "3 images cannot be read", FailureScope::sweep});
    };
    const Outcome outcome = run({trial}, {refuse, refuse});  // whichever says hello first gets the order
    EXPECT_EQ(outcome.input_error, "3 images cannot be read");
    EXPECT_EQ(outcome.finished + outcome.failed, 0);
    EXPECT_EQ(state_of(trial), "waiting");
    EXPECT_EQ(orders_[0].size() + orders_[1].size(), 1u);
}

TEST_F(CoordinatorTest, StopsWhenAskedAndKeepsWhatWasDone) {
    const Trial first = made_up_trial(graphs_, "all", 2), second = made_up_trial(graphs_, "all", 100);
    const auto stop_after_two = [&](Channel& channel, const RunStage& order) {
        if (order.spec.index() != 2) return ScriptedWorker::succeed(channel, order);
        for (int i = 1; i <= 2; ++i) channel.send(Channel::kCoordinator, EpochDone{order.stage, 0, epoch(i)});
        stop_ = true;
    };
    const Outcome outcome = run({first, second}, {stop_after_two});
    EXPECT_TRUE(outcome.interrupted);
    EXPECT_EQ(outcome.finished, 1);
    EXPECT_EQ(outcome.failed, 0);
    EXPECT_EQ(state_of(first), "finished");
    EXPECT_EQ(state_of(second), "running");
}

TEST_F(CoordinatorTest, NamesTheRankThatNeverAnswered) {
    Plan plan = make_plan({made_up_trial(graphs_)}, inputs_, graphs_);
    ChannelEnds ends = make_local_channel(3);
    Store store(database());
    store.begin_sweep(SweepRecord(), plan.trials);
    const auto say_nothing = [](Channel&, const RunStage&) {};
    ScriptedWorker here(*ends.workers[0], say_nothing), there(*ends.workers[2], say_nothing);
    ProgressDisplay quiet(stderr, ProgressDisplay::Mode::quiet);
    try {
        coordinate(plan, inputs_, *ends.coordinator, store, quiet, pruner_, stop_,
                   {folder_ / "", std::chrono::seconds(1)});
        ADD_FAILURE() << "rank 1 was not missed";
    } catch (const RankLost& error) {
        EXPECT_STREQ(error.what(), "rank 1 of 3 (host unknown) did not answer in 1 s");
    }
    EXPECT_EQ(dismiss_workers(*ends.coordinator, {}, std::chrono::seconds(1)), 1);
}

TEST_F(CoordinatorTest, RemovesOutputsWithoutSharingAndKeepsThemWithSharing) {
    const Trial trial = made_up_trial(graphs_);
    const auto write = [](Channel& channel, const RunStage& order) {
        for (const std::string& file : stage_outputs(order.spec)) std::ofstream(file) << "array";
        ScriptedWorker::succeed(channel, order);
    };
    const auto arrays = [&] {
        int count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
            count += entry.path().extension() == ".array";
        return count;
    };
    run({trial}, {write}, false);
    EXPECT_EQ(arrays(), 0);
    run({but(trial, graphs_, [](Trial& other) { other.seed = 2; })}, {write}, true);
    EXPECT_EQ(arrays(), 2);
}

TEST_F(CoordinatorTest, WritesDownHowManyImagesCannotBeRead) {
    const auto skip_three = [](Channel& channel, const RunStage& order) {
        if (order.spec.index() != 0) return ScriptedWorker::succeed(channel, order);
        channel.send(Channel::kCoordinator, StageDone{order.stage, 1, 10, 3, false});
    };
    EXPECT_EQ(run({made_up_trial(graphs_)}, {skip_three}).finished, 1);
    EXPECT_EQ(query("SELECT bad_images FROM sweeps"), "3\n");
}

}  // namespace
}  // namespace thaw
