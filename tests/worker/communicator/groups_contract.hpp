// What Groups promises over every back end, as a function that each member calls.
#pragma once

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/worker/communicator/slow_to_leave.hpp"
#include "worker/communicator/groups.hpp"

namespace thaw::contract {

/// Five stages of one group, all ordered at once, on members that are slow to leave each stage's last collective.
inline void stages_of_a_group_take_turns(const std::vector<int>& ranks, const Groups::Maker& make) {
    Overlaps overlaps;
    Groups groups([&](const std::vector<int>& members) -> std::unique_ptr<Communicator> {
        auto usual = make(members);
        if (usual->rank() == 0) return usual;
        return std::make_unique<SlowToLeave>(std::move(usual), overlaps, std::chrono::milliseconds(20));
    });
    constexpr int kStages = 5;
    std::vector<std::jthread> stages;
    for (int stage = 0; stage < kStages; ++stage)
        stages.emplace_back([&, stage, turn = groups.take_turn(ranks)]() mutable {
            Groups::Turn mine = std::move(turn);  // ends with this function, not with the thread's object
            Group& group = *mine.group();
            for (int step = 0; step < 10; ++step) {
                std::vector<double> sum = {static_cast<double>(stage), static_cast<double>(step)};
                group.all_reduce_sum(std::span<double>(sum));
                EXPECT_EQ(sum[0], stage * group.size()) << "another stage's message";
                EXPECT_EQ(sum[1], step * group.size());
            }
            group.barrier();
        });
    stages.clear();  // joins them
    EXPECT_EQ(overlaps.seen, 0) << "two stages used one communicator at once";
}

inline void a_turn_that_is_not_used_lets_the_next_one_come(const std::vector<int>& ranks, const Groups::Maker& make) {
    Groups groups(make);
    { const Groups::Turn unused = groups.take_turn(ranks); }
    Groups::Turn turn = groups.take_turn(ranks);
    turn.group()->barrier();
    EXPECT_EQ(groups.take_turn({}).group(), nullptr);
}

}  // namespace thaw::contract
