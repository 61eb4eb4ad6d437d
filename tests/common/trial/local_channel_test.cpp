// The contract of Channel, kept within one process; and messages on their own.
#include <thread>

#include "common/util/error.hpp"
#include "tests/common/trial/channel_contract.hpp"

namespace thaw {
namespace {

class LocalChannel : public testing::TestWithParam<int> {};

TEST_P(LocalChannel, KeepsTheContract) {
    ChannelEnds ends = make_local_channel(GetParam());
    EXPECT_EQ(ends.coordinator->size(), GetParam());
    contract::silence_is_no_message(*ends.coordinator);
    std::vector<std::thread> workers;
    for (auto& end : ends.workers) workers.emplace_back([&end] { contract::echo_until_stopped(*end); });
    contract::messages_arrive_whole_in_order_and_at_the_right_party(*ends.coordinator);
    for (auto& worker : workers) worker.join();
}

INSTANTIATE_TEST_SUITE_P(Workers, LocalChannel, testing::Values(1, 2, 4));

TEST(Message, ReadsBackAsItWas) {
    TrainStage train;
    train.trajectories.emplace_back();
    train.trajectories[0].reported = 3;
    train.trajectories[0].resume = "resume";
    train.trajectories[0].keep_last = "keep";
    train.trajectories[0].snapshot_folder = "folder";
    train.trajectories[0].snapshot_key = "key";
    train.trajectories[0].keep = Keep::best;
    train.trajectories[0].checkpoints = {{Trial(), "file"}};
    train.trajectories[0].trial.backbone = "mobilenet_v2";
    train.trajectories[0].trial.dropout = {0.5};
    train.weights.padding = "tensorflow";
    FeaturesStage features;
    features.precision = Precision::bfloat16;
    features.taps = {{{.cut = 7, .pooled = true, .pooling = Pooling::max}, "file"}};
    for (const Message& message : std::initializer_list<Message>{
             Hello{"host", 2}, Progress{3, 1'000'000'000'000},
             EpochDone{4, 1, {5, .1, .2, .3, .4, .5, {0, -1, 2}, "hash"}}, TrajectoryFailed{4, 2, "why"},
             StageDone{6, 0.7, 8, 9, true}, StageFailed{10, "why", FailureScope::sweep}, Goodbye{},
             RunStage{11, train, {0, 2}, false}, RunStage{12, features}, RunStage{13, DecodeStage{}}, Stop{},
             Stop{true}, Alive{}}) {
        EXPECT_EQ(serialize(deserialize(serialize(message))), serialize(message));
        EXPECT_EQ(deserialize(serialize(message)).index(), message.index());
    }
}

TEST(Message, DamagedTextIsAStageErrorNotACrash) {
    const std::string whole = serialize(RunStage{1, TrainStage{}});
    for (std::size_t length = 0; length < whole.size(); length += 7)
        EXPECT_THROW(deserialize(whole.substr(0, length)), StageError);
    EXPECT_THROW(deserialize(R"({"type": 99, "content": {}})"), StageError);
}

}  // namespace
}  // namespace thaw
