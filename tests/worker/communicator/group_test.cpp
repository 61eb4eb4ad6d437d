// What a Group adds to its Communicator: sums beside the work, and failures that are agreed on. Members are threads.
#include "worker/communicator/group.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <numeric>

#include "tests/worker/communicator/groups_contract.hpp"

namespace thaw {
namespace {

void with_groups(int size, const std::function<void(Group&)>& body) {
    auto members = make_local_communicators(size);
    std::vector<std::jthread> threads;
    for (auto& member : members)
        threads.emplace_back([&body, &member] {
            Group group(std::move(member));
            body(group);
        });
}

TEST(Group, SumsRunInTheOrderInWhichTheyWereStarted) {
    with_groups(4, [](Group& group) {
        std::vector<std::vector<float>> buckets;
        for (int i = 0; i < 50; ++i) buckets.emplace_back(static_cast<std::size_t>(1 + 997 * i), static_cast<float>(i));
        std::vector<double> between = {1};
        for (int i = 0; i < 50; ++i) {
            group.start_all_reduce_sum(std::span<float>(buckets[static_cast<std::size_t>(i)]));
            if (i % 7 == 0) group.all_reduce_sum(std::span<double>(between));
        }
        group.finish();
        for (int i = 0; i < 50; ++i)
            for (const float value : buckets[static_cast<std::size_t>(i)]) ASSERT_EQ(value, 4 * static_cast<float>(i));
        EXPECT_EQ(between[0], std::pow(4, 8));
        EXPECT_EQ(group.times().collectives, 58);
    });
}

TEST(Group, AFailureEndsWhatTheOthersHaveStartedAndLaterCallsUntilAllRecover) {
    with_groups(3, [](Group& group) {
        for (int failing = 0; failing < 3; ++failing) {
            std::vector<float> first(10000, 1), second(10000, 1), third(10000, 1);
            group.start_all_reduce_sum(std::span<float>(first));
            if (group.rank() == failing) {
                group.fail("an image is missing");
            } else {
                try {
                    group.start_all_reduce_sum(std::span<float>(second));
                    group.start_all_reduce_sum(std::span<float>(third));
                    group.finish();
                    ADD_FAILURE() << "nobody said that member " << failing << " failed";
                } catch (const AgreedFailure& failure) {
                    EXPECT_STREQ(failure.what(), "an image is missing");
                }
            }
            EXPECT_THROW(group.barrier(), AgreedFailure) << "not recovered yet";
            group.fail("again");  // all know already
            group.recover();
            EXPECT_EQ(first[0], 3) << "what was started before the failure takes place";
            group.barrier();
        }
        EXPECT_FALSE(group.broken());
    });
}

TEST(Group, IsBrokenWhereMembersStayAway) {
    auto members = make_local_communicators(2, std::chrono::milliseconds(50));
    Group group(std::move(members[0]));
    EXPECT_THROW(group.barrier(), StageError);
    group.recover();
    EXPECT_TRUE(group.broken());
    EXPECT_THROW(group.barrier(), StageError);
}

TEST(Groups, KeepTheContract) {
    for (const int size : {1, 2, 4}) {
        std::vector<int> ranks(static_cast<std::size_t>(size));
        std::iota(ranks.begin(), ranks.end(), 0);
        auto first = make_local_communicators(size), second = make_local_communicators(size);
        std::vector<std::jthread> members;
        for (std::size_t i = 0; i < ranks.size(); ++i)
            members.emplace_back([&, i] {
                contract::stages_of_a_group_take_turns(ranks, [&](const auto&) { return std::move(first[i]); });
                contract::a_turn_that_is_not_used_lets_the_next_one_come(
                    ranks, [&](const auto&) { return std::move(second[i]); });
            });
    }
}

TEST(Group, SharesAreAPartition) {
    std::atomic<std::size_t> sum = 0;
    with_groups(4, [&](Group& group) {
        for (std::size_t count = 0; count < 20; ++count) {
            const auto [begin, end] = group.share_of(count);
            EXPECT_LE(end - begin, count / 4 + 1);
            for (std::size_t i = begin; i < end; ++i) sum += i + 1;
        }
    });
    std::size_t expected = 0;
    for (std::size_t count = 0; count < 20; ++count) expected += count * (count + 1) / 2;
    EXPECT_EQ(sum, expected);
}

}  // namespace
}  // namespace thaw
