// The loop of a rank: orders in, stages run on threads of their own, answers out. The coordinator is the test.
#include "worker/worker.hpp"

#include <gmock/gmock.h>

#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "common/util/error.hpp"
#include "common/util/exit_code.hpp"
#include "tests/worker/communicator/slow_to_leave.hpp"
#include "tests/worker/group_orders.hpp"
#include "worker/stages.hpp"

namespace thaw {
namespace {

/// Members that come late because two stages are in their way make a test fail soon.
constexpr TimeLimit kLimit = std::chrono::seconds(5);

/// Communicators for whichever ranks ask, all of them threads of this process.
class LocalWorld {
  public:
    std::unique_ptr<Communicator> communicator(const std::vector<int>& ranks, int rank) {
        const std::lock_guard lock(mutex_);
        auto& members = members_[ranks];
        if (members.empty()) members = make_local_communicators(static_cast<int>(ranks.size()), kLimit);
        const auto place = std::find(ranks.begin(), ranks.end(), rank) - ranks.begin();
        return std::move(members[static_cast<std::size_t>(place)]);
    }

  private:
    std::mutex mutex_;
    std::map<std::vector<int>, std::vector<std::unique_ptr<Communicator>>> members_;
};

class WorkerTest : public testing::TestWithParam<int> {};

// The first rank tells that a stage is done; the others may not have left its last collective by then.
TEST_P(WorkerTest, AGroupsNextStageWaitsForAMemberThatIsSlowToLeaveTheOneBefore) {
    const int size = GetParam();
    LocalWorld world;
    Overlaps overlaps;
    ChannelEnds ends = make_local_channel(size);
    std::vector<std::jthread> ranks;
    for (int rank = 0; rank < size; ++rank)
        ranks.emplace_back([&, rank] {
            ServeOptions options;
            options.make_group = [&, rank](const std::vector<int>& members) -> std::unique_ptr<Communicator> {
                auto usual = world.communicator(members, rank);
                if (rank == 0) return usual;
                return std::make_unique<SlowToLeave>(std::move(usual), overlaps);
            };
            serve(*ends.workers[static_cast<std::size_t>(rank)], options);
        });
    std::vector<int> everyone(static_cast<std::size_t>(size));
    std::iota(everyone.begin(), everyone.end(), 0);
    GroupOrders().run(*ends.coordinator, {everyone}, 5, 4 * kLimit);
    ranks.clear();  // joins them
    EXPECT_EQ(overlaps.seen, 0) << "two stages used one communicator at once";
}

/// One rank asks first for itself, then as the first, then as the last of a group: all leave without an error.
TEST(StoppedStage, IsLeftByAllItsRanksAndLeavesNothing) {
    for (const int size : {1, 2, 3}) {
        auto communicators = make_local_communicators(size, kLimit);
        const GroupOrders orders;
        const StageSpec spec = orders.decode(1, {}, true).spec;
        std::stop_source asked;
        asked.request_stop();
        std::vector<std::jthread> ranks;
        for (int rank = 0; rank < size; ++rank)
            ranks.emplace_back([&, rank] {
                const bool asks = size == 3 ? rank == 2 : rank == 0;
                StageContext context;
                Group group(std::move(communicators[static_cast<std::size_t>(rank)]));
                const StageReports reports = {.progress = [](std::int64_t) {}, .epoch = {}, .trajectory_failed = {}};
                EXPECT_NO_THROW(run_stage(spec, context, reports, asks ? asked.get_token() : std::stop_token(),
                                          size == 1 ? nullptr : &group));
            });
        ranks.clear();  // joins them
        EXPECT_FALSE(std::filesystem::exists(orders.folder() / "1.array")) << size;
    }
}

/// A communicator with a bug.
class Broken : public SlowToLeave {
  public:
    using SlowToLeave::SlowToLeave;
    void barrier() override { THAW_CHECK(false, "0 bytes for 8"); }
};

TEST(InternalError, NamesRankStageAndTrialAndEndsTheWorldAsOtherDeathsDo) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            on_internal_error([] { ::_exit(kInterrupted); });
            Overlaps overlaps;
            ChannelEnds ends = make_local_channel(1);
            const GroupOrders orders;
            RunStage order = orders.decode(7, {0}, true);
            order.trials = {"3f2a"};
            order.reports = orders.folder();
            ends.coordinator->send(0, order);
            ServeOptions options;
            options.rank = 5;
            options.make_group = [&](const std::vector<int>&) {
                return std::make_unique<Broken>(std::move(make_local_communicators(1)[0]), overlaps);
            };
            serve(*ends.workers[0], options);
        },
        testing::ExitedWithCode(kInterrupted),
        "internal error in rank 5, stage 7 .decode on ranks 0., trial 3f2a: 0 bytes for 8");
}

INSTANTIATE_TEST_SUITE_P(Ranks, WorkerTest, testing::Values(2, 4));

}  // namespace
}  // namespace thaw
