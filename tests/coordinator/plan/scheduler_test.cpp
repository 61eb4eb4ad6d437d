#include "coordinator/plan/scheduler.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <random>
#include <set>
#include <string>

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Action started(int stage, int rank) {
    return {Action::start, stage, rank};
}
Action cancelled(int stage) {
    return {Action::cancel, stage};
}
Action released(int stage) {
    return {Action::release, stage};
}

StageNode small(std::vector<int> needs, double seconds) {
    return {std::move(needs), seconds, false};
}
StageNode whole(std::vector<int> needs, double seconds) {
    return {std::move(needs), seconds, true};
}

TEST(Scheduler, StartsNothingBeforeARankIsThere) {
    Scheduler scheduler({small({}, 1)});
    EXPECT_FALSE(scheduler.finished());
    EXPECT_THAT(scheduler.rank_joined(0, 1), ElementsAre(started(0, 0)));
    EXPECT_EQ(scheduler.running(), 1);
}

TEST(Scheduler, HasFinishedFromTheStartWithoutStages) {
    Scheduler scheduler({});
    EXPECT_TRUE(scheduler.finished());
    EXPECT_THAT(scheduler.rank_joined(0, 4), IsEmpty());
}

TEST(Scheduler, StartsFirstWhatTheLongestPathHangsOn) {
    // 0 is short but 3 waits for it; 1 and 2 are longer by themselves.
    Scheduler scheduler({small({}, 1), small({}, 5), small({}, 6), small({0}, 10)});
    EXPECT_THAT(scheduler.rank_joined(0, 1), ElementsAre(started(0, 0)));
    EXPECT_THAT(scheduler.stage_done(0), ElementsAre(started(3, 0)));
    EXPECT_THAT(scheduler.stage_done(3), ElementsAre(released(3), released(0), started(2, 0)));
    EXPECT_THAT(scheduler.stage_done(2), ElementsAre(released(2), started(1, 0)));
}

TEST(Scheduler, StartsEquallyLongStagesByNumber) {
    Scheduler scheduler({small({}, 2), small({}, 2), small({}, 2)});
    EXPECT_THAT(scheduler.rank_joined(0, 3), ElementsAre(started(0, 0), started(1, 0), started(2, 0)));
}

TEST(Scheduler, SpreadsStagesOverTheRanksWithMostFreeThreads) {
    Scheduler scheduler({small({}, 9), small({}, 5), small({}, 4), small({}, 3), small({}, 2)});
    EXPECT_THAT(scheduler.rank_joined(3, 1), ElementsAre(started(0, 3)));
    EXPECT_THAT(scheduler.rank_joined(1, 3), ElementsAre(started(1, 1), started(2, 1), started(3, 1)));
    EXPECT_THAT(scheduler.stage_done(2), ElementsAre(released(2), started(4, 1)));
}

TEST(Scheduler, GivesAWholeRankStageAnIdleRankAlone) {
    Scheduler scheduler({whole({}, 9), small({}, 5), small({}, 4)});
    EXPECT_THAT(scheduler.rank_joined(0, 4), ElementsAre(started(0, 0)));
    EXPECT_THAT(scheduler.rank_joined(1, 1), ElementsAre(started(1, 1)));
    EXPECT_THAT(scheduler.stage_done(0), ElementsAre(released(0), started(2, 0)));
}

TEST(Scheduler, RunsAStageThatIsToBeAloneLastAndBesideNothing) {
    const auto alone = [](std::vector<int> needs, double seconds) {
        StageNode node = small(std::move(needs), seconds);
        node.alone = true;
        return node;
    };
    Scheduler scheduler({alone({}, 9), alone({}, 8), small({}, 1), small({2}, 1), small({0}, 1)});
    EXPECT_THAT(scheduler.rank_joined(0, 2), ElementsAre(started(2, 0)));
    EXPECT_THAT(scheduler.rank_joined(1, 2), IsEmpty()) << "threads are free, and stay so";
    EXPECT_THAT(scheduler.stage_done(2), ElementsAre(started(3, 0)));
    EXPECT_THAT(scheduler.stage_done(3), ElementsAre(released(3), released(2), started(0, 0)));
    EXPECT_THAT(scheduler.rank_joined(2, 2), IsEmpty());
    EXPECT_THAT(scheduler.stage_done(0), ElementsAre(started(4, 0))) << "what can run beside others goes first";
    EXPECT_THAT(scheduler.stage_done(4), ElementsAre(released(4), released(0), started(1, 0)));
    EXPECT_THAT(scheduler.stage_done(1), ElementsAre(released(1)));
    EXPECT_TRUE(scheduler.finished());
}

TEST(Scheduler, KeepsARankFreeForAWholeRankStageThatWaits) {
    // 0, 1 fill the rank; 2 becomes ready when 0 is done, and 3, which would fit, must not push in.
    Scheduler scheduler({small({}, 10), small({}, 12), whole({0}, 5), small({}, 3)});
    EXPECT_THAT(scheduler.rank_joined(0, 2), ElementsAre(started(0, 0), started(1, 0)));
    scheduler.set_time(10);
    EXPECT_THAT(scheduler.stage_done(0), IsEmpty());
    EXPECT_THAT(scheduler.stage_done(1), ElementsAre(released(1), started(2, 0)));
    EXPECT_THAT(scheduler.stage_done(2), ElementsAre(released(2), released(0), started(3, 0)));
}

TEST(Scheduler, ReservesTheRankThatIsIdleFirstAndUsesTheOthers) {
    Scheduler scheduler({small({}, 4), small({}, 9), small({}, 8), small({}, 7), whole({0}, 5), small({2}, 1)});
    scheduler.rank_joined(0, 2);
    scheduler.rank_joined(1, 2);  // 0, 1 on rank 0; 2, 3 on rank 1
    scheduler.set_time(4);
    EXPECT_THAT(scheduler.stage_done(0), IsEmpty());
    scheduler.set_time(7);
    EXPECT_THAT(scheduler.stage_done(3), ElementsAre(released(3)));
    scheduler.set_time(8);
    EXPECT_THAT(scheduler.stage_done(2), ElementsAre(started(4, 1), started(5, 0)));
}

TEST(Scheduler, CancelsAllThatHangsOnAFailureAndNothingElse) {
    Scheduler scheduler({small({}, 1), small({}, 1), small({0}, 1), small({2}, 1), small({1}, 1)});
    scheduler.rank_joined(0, 2);
    EXPECT_THAT(scheduler.stage_failed(0),
                UnorderedElementsAre(cancelled(2), cancelled(3), released(3), released(2), released(0)));
    EXPECT_THAT(scheduler.stage_done(1), ElementsAre(started(4, 0)));
    EXPECT_FALSE(scheduler.finished());
    scheduler.stage_done(4);
    EXPECT_TRUE(scheduler.finished());
}

TEST(Scheduler, CancelsAStageOnceThatHangsOnAFailureInTwoWays) {
    Scheduler scheduler({small({}, 1), small({0}, 1), small({0}, 1), small({1, 2}, 1)});
    scheduler.rank_joined(0, 1);
    const Actions actions = scheduler.stage_failed(0);
    EXPECT_EQ(std::count(actions.begin(), actions.end(), cancelled(3)), 1);
    EXPECT_TRUE(scheduler.finished());
}

TEST(Scheduler, ReleasesAnOutputWhenItsLastReaderHasEndedHoweverItEnded) {
    Scheduler scheduler({small({}, 9), small({0}, 2), small({0}, 1)});
    scheduler.rank_joined(0, 2);
    EXPECT_THAT(scheduler.stage_done(0), ElementsAre(started(1, 0), started(2, 0)));
    EXPECT_THAT(scheduler.stage_done(1), ElementsAre(released(1)));
    EXPECT_THAT(scheduler.stage_failed(2), ElementsAre(released(2), released(0)));
}

TEST(Scheduler, DoesNotReleaseAnOutputThatIsStillBeingWritten) {
    // 2 reads both; when 0 fails nobody reads 1 any more, but 1 goes on writing.
    Scheduler scheduler({small({}, 1), small({}, 5), small({0, 1}, 1)});
    scheduler.rank_joined(0, 2);
    EXPECT_THAT(scheduler.stage_failed(0), UnorderedElementsAre(cancelled(2), released(2), released(0)));
    EXPECT_THAT(scheduler.stage_done(1), ElementsAre(released(1)));
}

TEST(Scheduler, TakesAChainOfAnyLengthDownWithItsFirstStage) {
    std::vector<StageNode> chain = {small({}, 1)};
    for (int i = 1; i < 200'000; ++i) chain.push_back(small({i - 1}, 1));
    Scheduler scheduler(chain);
    scheduler.rank_joined(0, 1);
    scheduler.stage_failed(0);
    EXPECT_TRUE(scheduler.finished());
}

StageNode gated(std::vector<int> needs, double seconds) {
    return {std::move(needs), seconds, false, true};
}

TEST(Gate, HoldsAStageBackUntilItIsOpenedThoughItsNeedsAreDone) {
    Scheduler scheduler({small({}, 1), gated({0}, 1)});
    scheduler.rank_joined(0, 2);
    EXPECT_THAT(scheduler.stage_done(0), IsEmpty());
    EXPECT_FALSE(scheduler.finished());
    EXPECT_THAT(scheduler.open(1), ElementsAre(started(1, 0)));
    EXPECT_THAT(scheduler.stage_done(1), ElementsAre(released(1), released(0)));
    EXPECT_TRUE(scheduler.finished());
}

TEST(Gate, OpenedEarlyLeavesTheStageToItsNeeds) {
    Scheduler scheduler({small({}, 1), gated({0}, 1)});
    EXPECT_THAT(scheduler.open(1), IsEmpty());
    EXPECT_THAT(scheduler.rank_joined(0, 2), ElementsAre(started(0, 0)));
    EXPECT_THAT(scheduler.stage_done(0), ElementsAre(started(1, 0)));
    EXPECT_THAT(scheduler.open(1), IsEmpty());  // a second time: nothing happens twice
}

TEST(Gate, SkippedEndsTheStageAndAllThatHangsOnItWithoutFailure) {
    // 1, 2, 3: a trial's segments, one gate each; 4 reads the features too and goes on.
    Scheduler scheduler({small({}, 1), small({0}, 1), gated({0, 1}, 1), gated({0, 2}, 1), small({0}, 5)});
    scheduler.rank_joined(0, 1);
    scheduler.stage_done(0);
    EXPECT_THAT(scheduler.stage_done(4), ElementsAre(released(4), started(1, 0)));
    EXPECT_THAT(scheduler.stage_done(1), IsEmpty());
    EXPECT_THAT(scheduler.skip(2), UnorderedElementsAre(released(0), released(1), released(2), released(3)));
    EXPECT_TRUE(scheduler.finished());
    EXPECT_THAT(scheduler.skip(3), IsEmpty());
    EXPECT_THAT(scheduler.open(3), IsEmpty());
}

TEST(Gate, SkippedWhileItsNeedsRunReleasesThemWhenTheyEnd) {
    Scheduler scheduler({small({}, 1), gated({0}, 1)});
    scheduler.rank_joined(0, 1);
    EXPECT_THAT(scheduler.skip(1), ElementsAre(released(1)));
    EXPECT_FALSE(scheduler.finished());
    EXPECT_THAT(scheduler.stage_done(0), ElementsAre(released(0)));
    EXPECT_TRUE(scheduler.finished());
}

TEST(Gate, BeforeAStageWhoseNeedFailsIsCancelledLikeAnyOther) {
    Scheduler scheduler({small({}, 1), gated({0}, 1)});
    scheduler.rank_joined(0, 1);
    EXPECT_THAT(scheduler.stage_failed(0), ElementsAre(cancelled(1), released(1), released(0)));
    EXPECT_THAT(scheduler.open(1), IsEmpty());
    EXPECT_TRUE(scheduler.finished());
}

TEST(Gate, ClosedKeepsNoRankFromOtherWork) {
    StageNode large = whole({}, 100);
    large.gated = true;
    Scheduler scheduler({large, small({}, 2), small({}, 1)});
    EXPECT_THAT(scheduler.rank_joined(0, 1), ElementsAre(started(1, 0)));
    EXPECT_THAT(scheduler.open(0), IsEmpty());
    EXPECT_THAT(scheduler.stage_done(1), ElementsAre(released(1), started(0, 0)));
}

/// A world of pretended ranks: stages take as long as predicted, some fail; every promise is checked on the way.
class FakeRunner {
  public:
    FakeRunner(std::vector<StageNode> nodes, std::vector<int> threads, std::set<int> failing)
        : nodes_(std::move(nodes)),
          free_(threads),
          threads_(std::move(threads)),
          failing_(std::move(failing)),
          state_(nodes_.size(), State::waiting),
          releases_(nodes_.size()),
          readers_(nodes_.size()),
          ranks_of_(nodes_.size()),
          scheduler_(nodes_) {
        for (const StageNode& node : nodes_)
            for (const int need : node.needs) ++readers_[at(need)];
    }

    void run() {
        for (std::size_t rank = 0; rank < threads_.size(); ++rank)
            apply(scheduler_.rank_joined(static_cast<int>(rank), threads_[rank]));
        while (!under_way_.empty()) {
            const int stage = under_way_.top().second;
            now_ = under_way_.top().first;
            under_way_.pop();
            scheduler_.set_time(now_);
            for (const int rank : ranks_of_[at(stage)]) free_[at(rank)] += width(stage, rank);
            const bool fails = failing_.contains(stage);
            end(stage, fails ? State::failed : State::done);
            apply(fails ? scheduler_.stage_failed(stage) : scheduler_.stage_done(stage));
            ASSERT_EQ(scheduler_.running(), static_cast<int>(under_way_.size()));
        }
        EXPECT_TRUE(scheduler_.finished());
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            EXPECT_NE(state_[i], State::waiting) << "stage " << i << " was forgotten";
            EXPECT_EQ(releases_[i], 1) << "stage " << i;
        }
    }

    double now() const { return now_; }
    int cancelled_stages() const {
        return static_cast<int>(std::count(state_.begin(), state_.end(), State::cancelled));
    }

  private:
    enum class State { waiting, running, done, failed, cancelled };

    static std::size_t at(int index) { return static_cast<std::size_t>(index); }
    int width(int stage, int rank) const {
        return nodes_[at(stage)].whole_rank || nodes_[at(stage)].ranks > 1 ? threads_[at(rank)] : 1;
    }

    void end(int stage, State state) {
        state_[at(stage)] = state;
        for (const int need : nodes_[at(stage)].needs) --readers_[at(need)];
    }

    void apply(const Actions& actions) {
        // All endings of the round first: cancelled stages and the releases that follow come in any order.
        for (const Action& action : actions)
            if (action.kind == Action::cancel) cancel(action.stage);
        for (const Action& action : actions) {
            if (action.kind == Action::start) start(action.stage, action.rank);
            if (action.kind != Action::release) continue;
            EXPECT_EQ(readers_[at(action.stage)], 0) << "stage " << action.stage << " released while it is read";
            EXPECT_NE(state_[at(action.stage)], State::running);
            EXPECT_NE(state_[at(action.stage)], State::waiting);
            ++releases_[at(action.stage)];
        }
    }

    void cancel(int stage) {
        EXPECT_EQ(state_[at(stage)], State::waiting) << "stage " << stage;
        const auto& needs = nodes_[at(stage)].needs;
        EXPECT_TRUE(std::any_of(
            needs.begin(), needs.end(),
            [&](int need) { return state_[at(need)] == State::failed || state_[at(need)] == State::cancelled; }))
            << "stage " << stage << " cancelled without reason";
        end(stage, State::cancelled);
    }

    void start(int stage, int rank) {
        EXPECT_EQ(state_[at(stage)], State::waiting) << "stage " << stage << " started twice";
        for (const int need : nodes_[at(stage)].needs)
            EXPECT_EQ(state_[at(need)], State::done) << "stage " << stage << " started before " << need;
        state_[at(stage)] = State::running;
        const std::vector<int> ranks = scheduler_.ranks_of(stage);
        EXPECT_EQ(ranks.front(), rank);
        EXPECT_TRUE(std::is_sorted(ranks.begin(), ranks.end()));
        EXPECT_EQ(static_cast<int>(std::set(ranks.begin(), ranks.end()).size()), nodes_[at(stage)].ranks);
        ranks_of_[at(stage)] = ranks;
        for (const int member : ranks) {
            free_[at(member)] -= width(stage, member);
            EXPECT_GE(free_[at(member)], 0) << "rank " << member << " has more work than threads";
        }
        under_way_.emplace(now_ + nodes_[at(stage)].seconds, stage);
    }

    std::vector<StageNode> nodes_;
    std::vector<int> free_, threads_;
    std::set<int> failing_;
    std::vector<State> state_;
    std::vector<int> releases_, readers_;
    std::vector<std::vector<int>> ranks_of_;
    using Ending = std::pair<double, int>;
    std::priority_queue<Ending, std::vector<Ending>, std::greater<>> under_way_;
    double now_ = 0;
    Scheduler scheduler_;
};

StageNode group(std::vector<int> needs, double seconds, int ranks) {
    StageNode node = whole(std::move(needs), seconds);
    node.ranks = ranks;
    return node;
}

TEST(Scheduler, StartsAStageOnAsManyRanksAsItWantsAtOnce) {
    Scheduler scheduler({group({}, 5, 2), group({}, 4, 2)});
    EXPECT_THAT(scheduler.rank_joined(0, 1), IsEmpty());
    EXPECT_THAT(scheduler.rank_joined(1, 3), ElementsAre(started(0, 0)));
    EXPECT_THAT(scheduler.ranks_of(0), ElementsAre(0, 1));
    EXPECT_THAT(scheduler.rank_joined(2, 1), IsEmpty());
    EXPECT_THAT(scheduler.stage_done(0), ElementsAre(released(0), started(1, 0)));
    EXPECT_EQ(scheduler.ranks_of(1).size(), 2U);
}

TEST(Scheduler, KeepsRanksFreeForAGroupThatOthersWouldHoldUp) {
    // Behind 0 the pair 1 is the longest; 2 to 4 would keep one of its ranks busy.
    Scheduler scheduler({small({}, 5), group({}, 9, 2), small({}, 6), small({}, 6), small({}, 5.5)});
    scheduler.rank_joined(0, 1);
    EXPECT_THAT(scheduler.ranks_of(2), ElementsAre(0)) << "no pair yet, so that what fits runs";
    scheduler.set_time(2);
    EXPECT_THAT(scheduler.rank_joined(1, 1), IsEmpty()) << "rank 1 is kept for the pair until 6 s";
    scheduler.set_time(6);
    EXPECT_THAT(scheduler.stage_done(2), ElementsAre(released(2), started(1, 0)));
}

TEST(Scheduler, LetsAReservedRankDoWhatEndsBeforeTheGroupCanBegin) {
    Scheduler scheduler({small({}, 20), group({}, 9, 2), small({}, 8), small({}, 2), small({}, 3)});
    scheduler.rank_joined(0, 1);
    EXPECT_THAT(scheduler.ranks_of(0), ElementsAre(0));
    EXPECT_THAT(scheduler.rank_joined(1, 1), ElementsAre(started(2, 1))) << "rank 0 is busy until 20 s anyway";
    scheduler.set_time(8);
    EXPECT_THAT(scheduler.stage_done(2), ElementsAre(released(2), started(4, 1)));
    scheduler.set_time(19);
    EXPECT_THAT(scheduler.stage_done(4), ElementsAre(released(4))) << "2 s would be too long now";
    scheduler.set_time(20);
    EXPECT_THAT(scheduler.stage_done(0), ElementsAre(released(0), started(1, 0)));
}

TEST(Scheduler, KeepsItsPromisesOnAnyGraphWithAnyRanksAndFailures) {
    for (unsigned seed = 0; seed < 500; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
        std::vector<StageNode> nodes;
        std::set<int> failing;
        const int stages = 1 + below(60);
        for (int i = 0; i < stages; ++i) {
            std::set<int> needs;
            for (int edges = i ? below(4) : 0; edges > 0; --edges) needs.insert(below(i));
            nodes.push_back({{needs.begin(), needs.end()}, below(5) * 1.0, below(4) == 0});
            if (below(12) == 0) failing.insert(i);
        }
        std::vector<int> threads;
        const int ranks = 1 + below(5);
        for (int rank = 0; rank < ranks; ++rank) threads.push_back(1 + below(4));
        for (StageNode& node : nodes)
            if (below(3) == 0) node.ranks = 1 + below(ranks);
        FakeRunner(nodes, threads, failing).run();
        if (HasFailure()) break;
    }
}

TEST(Scheduler, PlansAHundredThousandStagesOnAThousandRanks) {
    std::mt19937 random(7);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    std::vector<StageNode> nodes;
    double work = 0;                  // thread-seconds
    while (nodes.size() < 100'000) {  // decode, features and 48 trainings each
        const int first = static_cast<int>(nodes.size());
        nodes.push_back(whole({}, 5));
        nodes.push_back(whole({first}, 20));
        work += 4 * 25;
        for (int i = 0; i < 48; ++i) {
            nodes.push_back(small({first, first + 1}, 1 + below(60)));
            work += nodes.back().seconds;
        }
    }
    FakeRunner runner(nodes, std::vector<int>(1000, 4), {1, 51, 777});
    runner.run();
    EXPECT_EQ(runner.cancelled_stages(), 2 * 48);
    EXPECT_LT(runner.now(), 1.3 * work / 4000 + 85);  // near what the threads can do; 85 is the longest path
}

TEST(Simulate, GivesTheMakespanOfSchedulesThatAreEasyToSee) {
    EXPECT_EQ(simulate({}, 2, 2), 0);
    EXPECT_EQ(simulate({small({}, 3), small({}, 2), small({}, 1)}, 1, 1), 6);
    EXPECT_EQ(simulate({small({}, 3), small({}, 2), small({}, 1)}, 1, 2), 3);
    EXPECT_EQ(simulate({small({}, 3), small({}, 2), small({}, 1)}, 3, 1), 3);
    // The whole rank for 5, then four threads share six stages of 2.
    std::vector<StageNode> sweep = {whole({}, 5)};
    for (int i = 0; i < 6; ++i) sweep.push_back(gated({0}, 2));
    EXPECT_EQ(simulate(sweep, 1, 4), 5 + 2 * 2);
    EXPECT_EQ(simulate(sweep, 2, 4), 5 + 2);
    // While the first rank decodes, the second has nothing to do but the independent stage.
    EXPECT_EQ(simulate({whole({}, 5), whole({0}, 5), small({}, 7)}, 2, 1), 10);
}

TEST(Simulate, IsWhatRunningThePlanTakes) {
    for (unsigned seed = 0; seed < 100; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
        std::vector<StageNode> nodes;
        for (int i = 0; i < 60; ++i) {
            std::set<int> needs;
            for (int n = i == 0 ? 0 : below(3); n > 0; --n) needs.insert(below(i));
            nodes.push_back({{needs.begin(), needs.end()}, 0.5 + below(1000) * 0.01, below(4) == 0});
        }
        const int ranks = 1 + below(4), threads = 1 + below(4);
        FakeRunner runner(nodes, std::vector<int>(static_cast<std::size_t>(ranks), threads), {});
        runner.run();
        EXPECT_EQ(simulate(nodes, ranks, threads), runner.now()) << "seed " << seed;
    }
}

TEST(Simulate, TakesAMillionStages) {
    std::vector<StageNode> nodes;
    while (nodes.size() < 1'000'000) {
        const int first = static_cast<int>(nodes.size());
        nodes.push_back(whole({}, 5));
        for (int i = 0; i < 9'999; ++i) nodes.push_back(small({first}, 1 + i % 60 * 0.1));
    }
    EXPECT_GT(simulate(nodes, 8, 16), 0);
}

}  // namespace
}  // namespace thaw
