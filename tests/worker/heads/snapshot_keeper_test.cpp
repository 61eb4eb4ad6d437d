// What lies in the cache while a training runs, and what a kill at any epoch would leave to go on from.
#include "worker/heads/snapshot_keeper.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "common/util/cache_folder.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Whose state is the number of epochs that it was trained.
class CountingModel : public Model {
  public:
    void set_learning_rate(double) override {}
    BatchSums train_batch(std::span<const int>, std::span<const int>, int) override { return {}; }
    BatchSums evaluate(std::span<const int>, std::span<const int>) override { return {}; }
    std::string state() const override { return std::to_string(epochs); }
    void restore(std::string_view state) override { epochs = std::stoi(std::string(state)); }
    TensorMap tensors() const override { return {}; }
    void load(const TensorMap&) override {}
    std::vector<double> logits(std::span<const int>) override { return {}; }
    std::string parameters_hash() const override { return state(); }
    int epochs = 0;
};

class SnapshotKeeperTest : public testing::Test {
  protected:
    SnapshotKeeperTest() {
        planned_.trial.epochs = 4;
        planned_.snapshot_folder = folder_.path().string();
        planned_.snapshot_key = "abc";
    }
    std::string file(int epoch) const { return folder_ / SnapshotName{"abc", epoch}.file(); }
    std::set<int> there() const {
        const auto found = CacheFolder(folder_.path()).snapshots();
        return found.empty() ? std::set<int>() : found.at("abc");
    }
    void train(SnapshotKeeper& keeper, std::chrono::milliseconds takes) {
        std::this_thread::sleep_for(takes);
        ++model_.epochs;
        keeper.epoch_done({.epoch = model_.epochs, .weights = model_.state()});
    }

    TemporaryFolder folder_;
    TrainStage::Trajectory planned_;
    CountingModel model_;
};

TEST_F(SnapshotKeeperTest, AfterEveryEpochThatIsWorthItTheNewestAloneIsThere) {
    SnapshotKeeper keeper(planned_, model_, 0);
    EXPECT_FALSE(keeper.find());
    for (int epoch = 1; epoch <= 3; ++epoch) {
        train(keeper, kLongestLoss / 2);
        EXPECT_THAT(there(), ElementsAre(epoch));
        EXPECT_THAT(keeper.obsolete(), IsEmpty());
        EXPECT_EQ(read_snapshot(file(epoch)).value().state, std::to_string(epoch));
    }
    train(keeper, kLongestLoss / 2);
    EXPECT_THAT(there(), ElementsAre(3)) << "until the last epoch is in the results";
    EXPECT_EQ(keeper.obsolete(), file(3));
}

TEST_F(SnapshotKeeperTest, ShortEpochsShareASnapshotAndNoneIsWrittenForAShortTraining) {
    planned_.trial.epochs = 100;
    SnapshotKeeper keeper(planned_, model_, 0);
    int snapshots = 0;
    for (int epoch = 1; epoch <= 12; ++epoch) {
        train(keeper, kLongestLoss / 10);
        snapshots += there().contains(epoch);
        EXPECT_LE(there().size(), 1u);
    }
    EXPECT_GE(snapshots, 1);
    EXPECT_LE(snapshots, 2);
    planned_.snapshot_key = "brief";
    planned_.trial.epochs = 13;
    SnapshotKeeper brief(planned_, model_, 0);
    train(brief, std::chrono::milliseconds(1));
    EXPECT_EQ(CacheFolder(folder_.path()).snapshots().count("brief"), 0u);
}

TEST_F(SnapshotKeeperTest, WhoGoesOnHasTheWholeHistoryAndTakesTheOldOnesPlace) {
    {
        SnapshotKeeper keeper(planned_, model_, 0);
        train(keeper, {});
        train(keeper, {});
        keeper.leave();
    }
    EXPECT_THAT(there(), ElementsAre(2));
    planned_.resume = file(2);
    planned_.keep_last = file(4);
    SnapshotKeeper keeper(planned_, model_, 0);
    EXPECT_EQ(keeper.find().value().state, "2");
    keeper.resume(*keeper.find());
    train(keeper, {});
    EXPECT_THAT(there(), ElementsAre(2));
    train(keeper, {});
    EXPECT_THAT(there(), ElementsAre(4));
    EXPECT_THAT(keeper.obsolete(), IsEmpty());
    EXPECT_GT(keeper.bytes_kept(), 0);
    const Snapshot kept = read_snapshot(file(4)).value();
    ASSERT_EQ(kept.history.size(), 4u);
    EXPECT_EQ(kept.history[1].weights, "2");
}

TEST_F(SnapshotKeeperTest, WhatOneThatHasNothingToTrainWentOnFromStays) {
    write_snapshot(file(4), {{{.epoch = 4}}, "4"});
    planned_.resume = file(4);
    SnapshotKeeper keeper(planned_, model_, 0);
    keeper.resume(keeper.find().value());
    EXPECT_THAT(keeper.obsolete(), IsEmpty());
    keeper.leave();
    EXPECT_THAT(there(), ElementsAre(4));
}

TEST_F(SnapshotKeeperTest, ATrainingThatStopsEarlyIsAtItsEndAndWhoRestoresItsBestEpochNeedsIt) {
    planned_.trial.epochs = 100;
    planned_.trial.early_stop = {.patience = 2, .restore_best = true};
    planned_.keep_last = file(100);
    const auto best = std::make_shared<BestEpoch>(BestEpoch{"1", {0, 2}});
    SnapshotKeeper keeper(planned_, model_, 0);
    keeper.best = best;
    for (int epoch = 1; epoch <= 3; ++epoch) train(keeper, {});  // the loss stays 0: the first is the best
    EXPECT_THAT(there(), ElementsAre(100));
    EXPECT_EQ(read_snapshot(file(100)).value().epoch(), 3);
    EXPECT_EQ(read_snapshot(file(100)).value().best.state, "1");
    planned_.resume = file(100);
    EXPECT_TRUE(keeper.find());
    write_snapshot(file(100), {{{.epoch = 2}}, "2"});
    EXPECT_FALSE(keeper.find());
}

TEST_F(SnapshotKeeperTest, OfAModelThatFailedNothingIsWritten) {
    SnapshotKeeper keeper(planned_, model_, 0);
    train(keeper, {});
    keeper.abandon();
    keeper.leave();
    EXPECT_THAT(there(), IsEmpty());
}

TEST_F(SnapshotKeeperTest, OneInFlightStaysWhereRoomIsWantedAndOneThatIsKeptMayGo) {
    const CacheFolder cache(folder_.path(), 1);
    const RunningSweep sweep = cache.begin_sweep();
    SnapshotKeeper keeper(planned_, model_, 1);
    train(keeper, {});
    keeper.leave();
    { const FileLock room = cache.make_room(1); }
    EXPECT_THAT(there(), ElementsAre(1));
    planned_.keep_last = file(4);
    for (int epoch = 2; epoch <= 4; ++epoch) train(keeper, {});
    EXPECT_THAT(there(), ElementsAre(4));
    { const FileLock room = cache.make_room(1); }
    EXPECT_THAT(there(), IsEmpty());
}

TEST_F(SnapshotKeeperTest, WithoutANameOfItsOwnATrainingLeavesNothing) {
    planned_.snapshot_key.clear();
    SnapshotKeeper keeper(planned_, model_, 0);
    train(keeper, kLongestLoss);
    keeper.leave();
    EXPECT_THAT(there(), IsEmpty());
}

}  // namespace
}  // namespace thaw
