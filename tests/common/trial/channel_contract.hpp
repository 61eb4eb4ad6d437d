// What every Channel promises, as functions over its ends.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "common/trial/channel.hpp"

namespace thaw::contract {

constexpr std::chrono::milliseconds kPatience{10000};

/// A worker that answers every RunStage by an EpochDone and a StageDone, and Stop by Goodbye.
inline void echo_until_stopped(Channel& worker) {
    worker.send(Channel::kCoordinator, Hello{"host", 3});
    for (;;) {
        const auto envelope = worker.receive(kPatience);
        ASSERT_TRUE(envelope) << "nothing came";
        ASSERT_EQ(envelope->from, Channel::kCoordinator);
        if (std::holds_alternative<Stop>(envelope->message)) break;
        const auto& run = std::get<RunStage>(envelope->message);
        EpochDone epoch;
        epoch.stage = run.stage;
        epoch.metrics.train_loss = 0.1;  // has no finite binary form: must arrive as the same bits
        worker.send(Channel::kCoordinator, epoch);
        worker.send(Channel::kCoordinator, StageFailed{run.stage, std::get<DecodeStage>(run.spec).dataset});
    }
    worker.send(Channel::kCoordinator, Goodbye{});
}

/// Every worker gets what is sent to it and only that; its answers arrive whole, in order, under its number.
inline void messages_arrive_whole_in_order_and_at_the_right_party(Channel& coordinator) {
    const int workers = coordinator.size();
    constexpr int kStages = 20;
    int hellos = 0, goodbyes = 0;
    std::vector<int> epochs(static_cast<std::size_t>(workers), 0), done(epochs);
    // Long enough that MPI does not send it eagerly, and with bytes that JSON must escape.
    const auto text = [](int rank) { return std::string(100'000, static_cast<char>('a' + rank)) + "\"\n\\é"; };
    while (goodbyes < workers) {
        auto envelope = coordinator.receive(kPatience);
        ASSERT_TRUE(envelope) << "nothing came";
        const int rank = envelope->from;
        ASSERT_GE(rank, 0);
        ASSERT_LT(rank, workers);
        const auto at = static_cast<std::size_t>(rank);
        if (const auto* hello = std::get_if<Hello>(&envelope->message)) {
            EXPECT_EQ(hello->threads, 3);
            ++hellos;
            for (int stage = 0; stage < kStages; ++stage) {
                DecodeStage spec;
                spec.dataset = text(rank);
                coordinator.send(rank, RunStage{stage, spec});
            }
        } else if (const auto* epoch = std::get_if<EpochDone>(&envelope->message)) {
            EXPECT_EQ(epoch->stage, epochs[at]++);
            EXPECT_EQ(epoch->metrics.train_loss, 0.1);
        } else if (const auto* failed = std::get_if<StageFailed>(&envelope->message)) {
            EXPECT_EQ(failed->stage, done[at]++);
            EXPECT_EQ(failed->message, text(rank));
            if (done[at] == kStages) coordinator.send(rank, Stop{});
        } else {
            ASSERT_TRUE(std::holds_alternative<Goodbye>(envelope->message));
            ++goodbyes;
        }
    }
    EXPECT_EQ(hellos, workers);
    EXPECT_EQ(epochs, std::vector<int>(static_cast<std::size_t>(workers), kStages));
}

inline void silence_is_no_message(Channel& coordinator) {
    EXPECT_FALSE(coordinator.receive(std::chrono::milliseconds(20)));
}

}  // namespace thaw::contract
