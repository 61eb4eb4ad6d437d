// The loop of a rank: orders in, stages run on threads of their own, answers out. The coordinator is the test.
#include "worker/worker.hpp"

#include <gmock/gmock.h>

#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/communicator/slow_to_leave.hpp"
#include "tests/worker/data/test_images.hpp"
#include "worker/data/image_folder.hpp"

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

/// Eight images, and orders to decode them.
class Orders {
  protected:
    Orders() {
        Dataset dataset{kGolden, {"a", "b"}, {}};
        for (int i = 0; i < 8; ++i)
            dataset.images.push_back(
                {"photo.png", i % 2, i < 6 ? Part::train : Part::validation, "content " + std::to_string(i)});
        write_dataset(folder_ / "dataset.json", dataset);
    }

    RunStage decode_order(int stage, std::vector<int> ranks, int member) const {
        DecodeStage decode;
        decode.dataset = folder_ / "dataset.json";
        decode.options.image_size = 8;
        decode.output = folder_ / (std::to_string(stage) + ".array");
        return {stage, decode, std::move(ranks), member == 0};
    }

    TemporaryFolder folder_;
};

class WorkerTest : public Orders, public testing::TestWithParam<int> {};

// The first rank tells that a stage is done; the others may not have left its last collective by then.
TEST_P(WorkerTest, AGroupsNextStageWaitsForAMemberThatIsSlowToLeaveTheOneBefore) {
    const int size = GetParam(), stages = 5;
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
    int done = 0, goodbyes = 0;
    const auto order = [&] {
        for (int rank = 0; rank < size; ++rank)
            if (done < stages)
                ends.coordinator->send(rank, decode_order(done, everyone, rank));
            else
                ends.coordinator->send(rank, Stop{});
    };
    order();
    while (goodbyes < size) {
        const auto envelope = ends.coordinator->receive(4 * kLimit);
        ASSERT_TRUE(envelope) << "nobody answers";
        if (const auto* failed = std::get_if<StageFailed>(&envelope->message)) FAIL() << failed->message;
        goodbyes += std::holds_alternative<Goodbye>(envelope->message);
        if (!std::holds_alternative<StageDone>(envelope->message)) continue;
        EXPECT_EQ(std::get<StageDone>(envelope->message).stage, done);
        ++done;
        order();
    }
    EXPECT_EQ(done, stages);
    EXPECT_EQ(overlaps.seen, 0) << "two stages used one communicator at once";
}

class InternalError : public Orders, public testing::Test {};

/// A communicator with a bug.
class Broken : public SlowToLeave {
  public:
    using SlowToLeave::SlowToLeave;
    void barrier() override { THAW_CHECK(false, "0 bytes for 8"); }
};

TEST_F(InternalError, NamesRankStageAndTrialAndEndsTheWorldAsOtherDeathsDo) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            on_internal_error([] { ::_exit(kInterrupted); });
            Overlaps overlaps;
            ChannelEnds ends = make_local_channel(1);
            RunStage order = decode_order(7, {0}, 0);
            order.trials = {"3f2a"};
            order.reports = folder_.path();
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
