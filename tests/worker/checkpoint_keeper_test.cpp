// Which epoch's weights a trial keeps, and when a training may go on without those of an earlier epoch.
#include "worker/checkpoint_keeper.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

/// Its only weight is the number of the epoch that it was trained in last.
class Counter : public Model {
  public:
    void set_learning_rate(double) override {}
    BatchSums train_batch(std::span<const int>, std::span<const int>, int) override { return {}; }
    BatchSums evaluate(std::span<const int>, std::span<const int>) override { return {}; }
    std::string state() const override { return {}; }
    void restore(std::string_view) override {}
    TensorMap tensors() const override { return {{"epoch", {{1}, {epoch}}}}; }
    void load(const TensorMap&) override {}
    std::vector<double> logits(std::span<const int>) override { return {}; }
    std::string parameters_hash() const override { return {}; }

    float epoch = 0;
};

class CheckpointKeeperTest : public testing::Test {
  protected:
    /// A training whose trials end after these epochs.
    TrainStage::Trajectory training(Keep keep, const std::vector<int>& ends) const {
        TrainStage::Trajectory planned;
        planned.keep = keep;
        planned.ends = ends;
        planned.trial.epochs = ends.back();
        for (const int end : ends) {
            Trial trial = planned.trial;
            trial.epochs = end;
            trial.id = "trial" + std::to_string(end);
            planned.checkpoints.push_back({trial, file(end).string()});
        }
        return planned;
    }
    fs::path file(int end) const { return folder / ("trial" + std::to_string(end) + ".safetensors"); }
    static EpochMetrics metrics(int epoch, double accuracy) {
        EpochMetrics done;
        done.epoch = epoch;
        done.validation_accuracy = accuracy;
        done.weights = "weights of epoch " + std::to_string(epoch);
        return done;
    }
    void train(CheckpointKeeper& keeper, int epoch, double accuracy) {
        model.epoch = static_cast<float>(epoch);
        history.push_back(metrics(epoch, accuracy));
        keeper.epoch_done(history.back());
    }
    /// Of which epoch a file has the weights; 0: there is none.
    int kept(int end) const {
        if (!fs::exists(file(end))) return 0;
        const FileReader reader(file(end));
        const int epoch = std::stoi(read_safetensors_metadata(reader).at("epoch"));
        EXPECT_EQ(read_safetensors(reader).at("epoch").values.at(0), static_cast<float>(epoch));
        return epoch;
    }

    TemporaryFolder folder;
    Counter model;
    std::vector<EpochMetrics> history;
};

TEST_F(CheckpointKeeperTest, KeepsEachTrialsLastEpoch) {
    const auto planned = training(Keep::last, {1, 3});
    CheckpointKeeper keeper(planned, model, {{"classes", "[]"}});
    train(keeper, 1, 0.9);
    EXPECT_EQ(kept(1), 1);
    train(keeper, 2, 0.5);
    EXPECT_EQ(kept(3), 0) << "it has not ended";
    train(keeper, 3, 0.7);
    EXPECT_EQ(kept(1), 1);
    EXPECT_EQ(kept(3), 3);
    const auto about = read_safetensors_metadata(FileReader(file(3)));
    EXPECT_EQ(about.at("fingerprint"), "weights of epoch 3");
    EXPECT_EQ(about.at("classes"), "[]");
}

TEST_F(CheckpointKeeperTest, KeepsTheEarliestOfTheBestEpochs) {
    const auto planned = training(Keep::best, {4});
    CheckpointKeeper keeper(planned, model, {});
    train(keeper, 1, 0.5);
    train(keeper, 2, 0.8);
    train(keeper, 3, 0.8);
    EXPECT_EQ(kept(4), 0) << "nobody has asked for a file yet";
    keeper.save();
    EXPECT_EQ(kept(4), 2);
    train(keeper, 4, 0.6);
    EXPECT_EQ(kept(4), 2);
}

TEST_F(CheckpointKeeperTest, KeepsTheEpochThatEarlyStoppingRestores) {
    auto planned = training(Keep::last, {5});
    planned.trial.early_stop = {.patience = 1, .monitor = Monitor::validation_accuracy, .restore_best = true};
    CheckpointKeeper keeper(planned, model, {});
    train(keeper, 1, 0.5);
    train(keeper, 2, 0.8);
    train(keeper, 3, 0.6);
    EXPECT_EQ(kept(5), 2) << "the training has ended, two epochs early";
}

TEST_F(CheckpointKeeperTest, ATrainingGoesOnWhereNoFileIsMissingThatOnlyAnEarlierEpochHad) {
    const auto planned = training(Keep::last, {1, 3});
    CheckpointKeeper first(planned, model, {});
    train(first, 1, 0.9);
    train(first, 2, 0.9);
    EXPECT_TRUE(CheckpointKeeper(planned, model, {}).can_go_on(history));
    fs::remove(file(1));
    EXPECT_FALSE(CheckpointKeeper(planned, model, {}).can_go_on(history));
}

TEST_F(CheckpointKeeperTest, ADamagedFileIsAMissingOne) {
    const auto planned = training(Keep::last, {1, 3});
    CheckpointKeeper first(planned, model, {});
    train(first, 1, 0.9);
    train(first, 2, 0.9);
    std::ofstream(file(1)) << "not a checkpoint";
    EXPECT_FALSE(CheckpointKeeper(planned, model, {}).can_go_on(history));
}

TEST_F(CheckpointKeeperTest, WeightsOfAnotherTrainingAreMissing) {
    const auto planned = training(Keep::best, {4});
    CheckpointKeeper first(planned, model, {});
    train(first, 1, 0.9);
    train(first, 2, 0.5);
    first.save();
    EXPECT_TRUE(CheckpointKeeper(planned, model, {}).can_go_on(history));
    history[0].weights = "others";
    EXPECT_FALSE(CheckpointKeeper(planned, model, {}).can_go_on(history));
}

TEST_F(CheckpointKeeperTest, WhoGoesOnWritesWhatTheLatestEpochOwes) {
    const auto planned = training(Keep::last, {2, 3});
    CheckpointKeeper first(planned, model, {});
    train(first, 1, 0.9);
    train(first, 2, 0.9);
    fs::remove(file(2));  // the world died before
    CheckpointKeeper second(planned, model, {});
    ASSERT_TRUE(second.can_go_on(history));
    second.go_on(history);
    EXPECT_EQ(kept(2), 2);
    train(second, 3, 0.9);
    EXPECT_EQ(kept(3), 3);
}

TEST_F(CheckpointKeeperTest, TheEndsOfPhasesAreOfTheLastEpochWhateverTheTrialKeeps) {
    auto planned = training(Keep::best, {2});
    planned.phase_ends = {{planned.checkpoints[0].trial, (folder / "phase.safetensors").string()}};
    TrainedWeights weights(planned, model, {});
    for (const int epoch : {1, 2}) {
        model.epoch = static_cast<float>(epoch);
        weights.epoch_done(metrics(epoch, 1.0 / epoch));
    }
    EXPECT_EQ(kept(2), 1);
    EXPECT_EQ(read_safetensors(FileReader(folder / "phase.safetensors")).at("epoch").values.at(0), 2.0F);
}

TEST_F(CheckpointKeeperTest, AFolderThatIsNotThereFailsTheTrialAlone) {
    auto planned = training(Keep::last, {1});
    planned.checkpoints[0].path = (folder / "nowhere/x.safetensors").string();
    CheckpointKeeper keeper(planned, model, {});
    EXPECT_THROW(train(keeper, 1, 0.9), StageError);
}

}  // namespace
}  // namespace thaw
