// A tail that several ranks train together: as one rank alone would, to rounding. ctest runs it with 1, 2 and 4 ranks.
#include <gmock/gmock.h>
#include <mpi.h>
#include <torch/torch.h>

#include <numeric>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "common/util/random.hpp"
#include "tests/worker/network/filled_tensors.hpp"
#include "worker/torch/tail_model.hpp"

namespace thaw {
namespace {

constexpr int kSize = 32, kClasses = 3;

std::vector<int> all_ranks() {
    int size = 0;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    std::vector<int> ranks(static_cast<std::size_t>(size));
    std::iota(ranks.begin(), ranks.end(), 0);
    return ranks;
}

std::unique_ptr<Group> everyone() {
    return std::make_unique<Group>(make_mpi_communicator(all_ranks()));
}

class GroupTraining : public testing::Test {
  protected:
    // Validation images end in a batch that is not full, training ones in one with fewer images than four ranks.
    static constexpr int kTrain = 33, kValidation = 40;
    const LayerGraph graph_ = build_backbone("mobilenet_v2", kSize, PaddingStyle::symmetric);
    const TensorMap tensors_ = filled_tensors(graph_);
    const int cut_ = resolve_freeze(graph_, "features.13").cut;
    const std::int64_t elements_ = graph_.layers[static_cast<std::size_t>(cut_ - 1)].output.elements();
    const std::vector<float> features_ = [this] {
        const CounterRandom random(1, "features", {});
        std::vector<float> values(static_cast<std::size_t>((kTrain + kValidation) * elements_));
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(6 * random.uniform(i));
        return values;
    }();
    const Samples train_ = samples(0, kTrain), validation_ = samples(kTrain, kTrain + kValidation);

    static Samples samples(int begin, int end) {
        Samples made;
        for (int i = begin; i < end; ++i) {
            made.rows.push_back(i);
            made.labels.push_back(i % kClasses);
        }
        return made;
    }

    Trial trial(const std::string& freeze) const {
        Trial result;
        result.backbone = graph_.backbone;
        result.freeze = freeze;
        result.frozen_layers = resolve_freeze(graph_, freeze).frozen_layers;
        result.cut = cut_;
        result.head.widths = {8};
        result.dropout = {0.4};
        result.batch_size = 16;
        result.epochs = 3;
        result.learning_rate = 1e-3;
        result.image_size = kSize;
        return result;
    }

    std::unique_ptr<Model> make_model(const Trial& trial, Group* group, bool double_precision = false) const {
        return make_tail_model(trial, graph_, tensors_, {}, {{features_.data(), elements_, nullptr}, {}}, kClasses,
                               group, double_precision);
    }

    std::vector<EpochMetrics> train(const Trial& trial, Group* group, bool double_precision) const {
        const auto model = make_model(trial, group, double_precision);
        std::vector<EpochMetrics> epochs;
        train_trajectory(
            *model, trial, train_, validation_, [&](const EpochMetrics& metrics) { epochs.push_back(metrics); }, {},
            group);
        return epochs;
    }

    /// In float64 three epochs of Adam, compared at each: this tells a wrong gradient from rounding.
    void expect_as_alone(const std::string& freeze, BatchNormMode mode = BatchNormMode::train) const {
        Trial options = trial(freeze);
        options.batch_norm = mode;
        const auto group = everyone();
        const auto together = train(options, group.get(), true), alone = train(options, nullptr, true);
        ASSERT_EQ(together.size(), 3U);
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_NEAR(together[i].train_loss, alone[i].train_loss, 1e-9 * alone[i].train_loss) << "epoch " << i + 1;
            EXPECT_NEAR(together[i].validation_loss, alone[i].validation_loss, 1e-9 * alone[i].validation_loss);
            EXPECT_EQ(together[i].train_accuracy, alone[i].train_accuracy);
            EXPECT_EQ(together[i].validation_accuracy, alone[i].validation_accuracy);
        }
    }
};

TEST_F(GroupTraining, OfAHeadOnAFrozenNetworkGivesTheLossesOfOneRank) {
    expect_as_alone("all");
}

TEST_F(GroupTraining, WithTrainedBatchNormGivesTheLossesOfOneRank) {
    expect_as_alone("features.14");
}

TEST_F(GroupTraining, WithBatchNormInInferenceModeGivesTheLossesOfOneRank) {
    expect_as_alone("features.14", BatchNormMode::inference);
}

TEST_F(GroupTraining, InSinglePrecisionTheFirstStepIsThatOfOneRank) {
    Trial one_step = trial("features.14");
    one_step.batch_size = kTrain;
    one_step.epochs = 1;
    const auto group = everyone();
    const double together = train(one_step, group.get(), false)[0].train_loss;
    const double alone = train(one_step, nullptr, false)[0].train_loss;
    EXPECT_NEAR(together, alone, 1e-5 * alone);
}

TEST_F(GroupTraining, LeavesTheSameWeightsOnAllRanks) {
    const auto group = everyone();
    const std::string weights = train(trial("features.14"), group.get(), false).back().weights;
    std::string first = weights;
    group->broadcast(std::as_writable_bytes(std::span(first)), 0);
    EXPECT_EQ(weights, first);
}

/// Fails on one rank in the middle of the second epoch.
class FailsOnOneRank : public Model {
  public:
    FailsOnOneRank(std::unique_ptr<Model> model, bool here) : model_(std::move(model)), here_(here) {}
    void set_learning_rate(double rate) override { model_->set_learning_rate(rate); }
    BatchSums train_batch(std::span<const int> rows, std::span<const int> labels, int epoch) override {
        if (here_ && epoch == 2 && ++batches_ == 2) throw std::bad_alloc();
        return model_->train_batch(rows, labels, epoch);
    }
    BatchSums evaluate(std::span<const int> rows, std::span<const int> labels) override {
        return model_->evaluate(rows, labels);
    }
    std::string state() const override { return model_->state(); }
    void restore(std::string_view state) override { model_->restore(state); }
    std::string parameters_hash() const override { return model_->parameters_hash(); }
    TensorMap tensors() const override { return model_->tensors(); }
    void load(const TensorMap& tensors) override { model_->load(tensors); }
    std::vector<double> logits(std::span<const int> rows) override { return model_->logits(rows); }

  private:
    std::unique_ptr<Model> model_;
    bool here_;
    int batches_ = 0;
};

TEST_F(GroupTraining, OneRanksFailureIsTheTrialsOnAllAndTheOthersGoOn) {
    const auto group = everyone();
    const Trial options = trial("features.16");
    std::vector<std::unique_ptr<Model>> models;
    for (int i = 0; i < 2; ++i) models.push_back(make_model(options, group.get()));
    models[0] = std::make_unique<FailsOnOneRank>(std::move(models[0]), group->rank() == group->size() - 1);
    std::vector<std::string> failures(2);
    std::vector<Member> members;
    for (std::size_t i = 0; i < 2; ++i)
        members.push_back({models[i].get(),
                           &options,
                           {},
                           {},
                           {},
                           [&failures, i](const std::string& message) { failures[i] = message; },
                           false});
    Together together;
    together.group = group.get();
    train_side_by_side(members, train_, validation_, together);
    EXPECT_EQ(failures[0], "out of memory");
    EXPECT_EQ(members[0].epochs_done(), 1);
    EXPECT_EQ(failures[1], "");
    EXPECT_EQ(members[1].epochs_done(), 3);
}

TEST_F(GroupTraining, EndsOnAllRanksAfterTheSameEpochWhereOneIsAskedToStop) {
    const auto group = everyone();
    const Trial options = trial("features.16");
    const auto model = make_model(options, group.get());
    std::stop_source stop;
    std::vector<EpochMetrics> epochs;
    train_trajectory(
        *model, options, train_, validation_,
        [&](const EpochMetrics& metrics) {
            epochs.push_back(metrics);
            if (metrics.epoch == 2 && group->leads()) stop.request_stop();
        },
        stop.get_token(), group.get());
    EXPECT_EQ(epochs.size(), 2U);
}

}  // namespace
}  // namespace thaw
