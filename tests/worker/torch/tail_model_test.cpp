#include "worker/torch/tail_model.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "tests/worker/network/filled_tensors.hpp"
#include "worker/heads/head_model.hpp"
#include "worker/heads/take_over.hpp"
#include "worker/torch/torch_network.hpp"

namespace thaw {
namespace {

constexpr int kSize = 64, kImages = 10, kClasses = 3;

struct Losses {
    std::vector<double> train, validation;
};

void expect_near(const Losses& found, const Losses& expected, double tolerance) {
    ASSERT_EQ(found.train.size(), expected.train.size());
    for (std::size_t i = 0; i < expected.train.size(); ++i) {
        EXPECT_NEAR(found.train[i], expected.train[i], tolerance * expected.train[i]) << "epoch " << i + 1;
        EXPECT_NEAR(found.validation[i], expected.validation[i], tolerance * expected.validation[i]);
    }
}

class TailModelTest : public testing::Test {
  protected:
    const LayerGraph graph_ = build_backbone("mobilenet_v2", kSize, PaddingStyle::symmetric);
    const TensorMap tensors_ = filled_tensors(graph_);
    const std::vector<std::uint8_t> images_ = random_images(kImages, kSize);
    const Samples all_ = [] {
        Samples samples;
        for (int i = 0; i < kImages; ++i) {
            samples.rows.push_back(i);
            samples.labels.push_back(i % kClasses);
        }
        return samples;
    }();
    /// (pixel - 128) / 128 is exact in float32, so that features at the input layer are the very images.
    const Preprocessing exact_{.name = "exact", .mean = {128, 128, 128}, .deviation = {128, 128, 128}};

    Trial trial(const std::string& freeze, double dropout = 0) const {
        Trial result;
        result.backbone = graph_.backbone;
        result.freeze = freeze;
        const FreezeDepth depth = resolve_freeze(graph_, freeze);
        result.frozen_layers = depth.frozen_layers;
        result.cut = depth.cut;
        result.head.widths = {8};
        result.dropout = {dropout};
        result.batch_size = 4;
        result.epochs = 2;
        result.image_size = kSize;
        return result;
    }

    TailInput image_rows() const { return {{}, {images_.data(), 3 * kSize * kSize, nullptr}}; }
    static TailInput feature_rows(const std::vector<float>& features) {
        return {{features.data(), static_cast<std::int64_t>(features.size()) / kImages, nullptr}, {}};
    }

    Losses train(const Trial& trial, const Preprocessing& preprocessing, const TailInput& input,
                 bool double_precision = true) const {
        const auto model =
            make_tail_model(trial, graph_, tensors_, preprocessing, input, kClasses, nullptr, double_precision);
        Losses losses;
        train_trajectory(*model, trial, all_, all_, [&](const EpochMetrics& metrics) {
            losses.train.push_back(metrics.train_loss);
            losses.validation.push_back(metrics.validation_loss);
        });
        return losses;
    }

    /// What crosses `cut`, computed in float64 and rounded to float32.
    std::vector<float> features_at(int cut) const {
        TorchNetwork prefix(graph_, 0, cut, cut, tensors_, torch::kFloat64);
        const torch::InferenceMode inference;
        const torch::Tensor map =
            prefix.outputs_at(preprocess(images_.data(), kImages, kSize, exact_, torch::kFloat64), {cut})[0]
                .to(torch::kFloat32)
                .contiguous();
        return {map.data_ptr<float>(), map.data_ptr<float>() + map.numel()};
    }
};

TEST_F(TailModelTest, LossesEqualThoseOfAnIndependentTrainingScriptInPyTorch) {
    std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/worker/torch/golden/tail_training.json");
    const Preprocessing tf{.name = "tf", .mean = {127.5, 127.5, 127.5}, .deviation = {127.5, 127.5, 127.5}};
    const auto golden_runs = nlohmann::json::parse(file);
    for (const auto& [freeze, epochs] : golden_runs.items()) {
        SCOPED_TRACE(freeze);
        Losses golden;
        for (const auto& epoch : epochs) {
            golden.train.push_back(epoch["train_loss"]);
            golden.validation.push_back(epoch["validation_loss"]);
        }
        Trial options = trial(freeze);
        options.cut = 0;  // from the images, so that nothing is rounded on the way
        expect_near(train(options, tf, image_rows()), golden, 1e-9);
    }
}

/// Scale and offset of batch-norms are trained, their statistics stay, as where Keras' base is called with
/// training=False.
TEST_F(TailModelTest, WithBatchNormInInferenceModeLossesAreKeras) {
    std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/worker/torch/golden/keras_batch_norm.json");
    const Preprocessing tf{.name = "tf", .mean = {127.5, 127.5, 127.5}, .deviation = {127.5, 127.5, 127.5}};
    const LayerGraph graph = build_backbone("keras_mobilenet_v2", kSize, PaddingStyle::tensorflow);
    TensorMap tensors = filled_tensors(graph);
    for (auto& [name, tensor] : tensors)
        if (tensor.shape.size() > 1)
            for (float& value : tensor.values) value *= 0.8F;
    const auto golden_runs = nlohmann::json::parse(file);
    EXPECT_EQ(golden_runs.size(), 3u);
    for (const auto& [freeze, run] : golden_runs.items()) {
        SCOPED_TRACE(freeze);
        Losses golden, losses;
        for (const auto& epoch : run["epochs"]) {
            golden.train.push_back(epoch["train_loss"]);
            golden.validation.push_back(epoch["validation_loss"]);
        }
        Trial options = trial("all");
        options.backbone = graph.backbone;
        options.frozen_layers = resolve_freeze(graph, freeze).frozen_layers;
        EXPECT_EQ(options.frozen_layers, run["frozen_layers"]);
        options.cut = 0;  // from the images, so that nothing is rounded on the way
        options.learning_rate = 1e-5;
        options.batch_norm = BatchNormMode::inference;
        const auto model = make_tail_model(options, graph, tensors, tf, image_rows(), kClasses, nullptr, true);
        train_trajectory(*model, options, all_, all_, [&](const EpochMetrics& metrics) {
            losses.train.push_back(metrics.train_loss);
            losses.validation.push_back(metrics.validation_loss);
        });
        expect_near(losses, golden, 1e-9);
    }
}

TEST_F(TailModelTest, InInferenceModeScaleAndOffsetOfBatchNormsAreTrainedAndStatisticsStay) {
    Trial options = trial("features.15");
    options.cut = 0;
    options.epochs = 1;
    options.batch_norm = BatchNormMode::inference;
    const auto model = make_tail_model(options, graph_, tensors_, exact_, image_rows(), kClasses);
    train_trajectory(*model, options, all_, all_, [](const EpochMetrics&) {});
    const TensorMap trained = model->tensors();
    int norms = 0;
    for (const auto& [name, tensor] : trained) {
        const auto before = tensors_.find(name);
        if (before == tensors_.end()) continue;
        const bool statistic = name.ends_with(".running_mean") || name.ends_with(".running_var");
        EXPECT_EQ(tensor.values == before->second.values, statistic) << name;
        norms += name.ends_with(".running_mean");
    }
    EXPECT_EQ(norms, 7);  // of two blocks and the last convolution
}

/// Head first, then more and more of the base at smaller rates, each time with a new optimizer.
TEST_F(TailModelTest, PhasesEqualThoseOfAnIndependentTrainingScriptInPyTorch) {
    std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/worker/torch/golden/phase_training.json");
    const Preprocessing tf{.name = "tf", .mean = {127.5, 127.5, 127.5}, .deviation = {127.5, 127.5, 127.5}};
    TensorMap trained;
    std::vector<Phase> before;
    for (const auto& golden_phase : nlohmann::json::parse(file)) {
        SCOPED_TRACE(golden_phase["freeze"]);
        Losses golden, losses;
        for (const auto& epoch : golden_phase["epochs"]) {
            golden.train.push_back(epoch["train_loss"]);
            golden.validation.push_back(epoch["validation_loss"]);
        }
        Trial options = trial(golden_phase["freeze"]);
        options.cut = 0;
        options.learning_rate = golden_phase["learning_rate"];
        options.epochs = static_cast<int>(golden.train.size());
        options.phases = before;
        const auto model = make_tail_model(options, graph_, tensors_, tf, image_rows(), kClasses, nullptr, true);
        if (!trained.empty()) take_over(*model, std::move(trained));
        train_trajectory(*model, options, all_, all_, [&](const EpochMetrics& metrics) {
            losses.train.push_back(metrics.train_loss);
            losses.validation.push_back(metrics.validation_loss);
        });
        expect_near(losses, golden, 1e-9);
        trained = model->tensors();
        before.push_back({options.freeze, options.learning_rate, options.epochs, options.frozen_layers, options.cut});
    }
    EXPECT_EQ(before.size(), 3u);
}

TEST_F(TailModelTest, WhatDoesNotFitIsNotTakenOver) {
    const Trial deep = trial("features.17"), all = trial("all");
    const Preprocessing& same = exact_;
    const auto later = make_tail_model(deep, graph_, tensors_, same, image_rows(), kClasses);
    const auto head = make_tail_model(all, graph_, tensors_, same, image_rows(), kClasses);
    EXPECT_NO_THROW(take_over(*later, head->tensors()));
    EXPECT_THROW(take_over(*head, later->tensors()), StageError)
        << "it would have to train what the head leaves frozen";
}

TEST_F(TailModelTest, InSinglePrecisionItTrainsAsInDoubleToRounding) {
    Trial options = trial("features.13", 0.3);
    options.cut = 0;
    options.batch_size = kImages;  // few steps, and by SGD: Adam makes whole steps of what is rounded off
    options.optimizer = {.kind = OptimizerKind::sgd, .momentum = 0.9};
    expect_near(train(options, exact_, image_rows(), false), train(options, exact_, image_rows()), 5e-5);
}

TEST_F(TailModelTest, FromTheInputLayersOutputItTrainsAsFromTheImages) {
    Trial from_images = trial("none", 0.3);
    from_images.epochs = 1;
    Trial from_features = from_images;
    from_features.cut = from_features.frozen_layers = 1;
    const std::vector<float> features = features_at(1);
    expect_near(train(from_features, exact_, feature_rows(features)), train(from_images, exact_, image_rows()), 1e-9);
}

TEST_F(TailModelTest, FromFeaturesAtADeepCutItTrainsAsFromTheImagesToTheirRounding) {
    const Trial options = trial("features.16.conv.1.relu", 0.3);  // inside a residual block
    ASSERT_LT(options.cut, options.frozen_layers);
    Trial from_images = options;
    from_images.cut = 0;
    const std::vector<float> features = features_at(options.cut);
    expect_near(train(options, exact_, feature_rows(features)), train(from_images, exact_, image_rows()), 1e-5);
}

TEST_F(TailModelTest, WithAllFrozenItIsTheHeadModel) {
    Trial options = trial("all", 0.3);
    const std::vector<float> maps = features_at(graph_.top_begin);
    const Losses tail = train(options, exact_, feature_rows(maps));
    const Shape& shape = graph_.base_output();
    std::vector<float> pooled;
    for (std::size_t at = 0; at < maps.size(); at += static_cast<std::size_t>(shape.height * shape.width)) {
        double sum = 0;
        for (int i = 0; i < shape.height * shape.width; ++i) sum += maps[at + static_cast<std::size_t>(i)];
        pooled.push_back(static_cast<float>(sum / (shape.height * shape.width)));
    }
    HeadModel<double> head(options, {pooled.data(), shape.channels, nullptr}, kClasses);
    Losses expected;
    train_trajectory(head, options, all_, all_, [&](const EpochMetrics& metrics) {
        expected.train.push_back(metrics.train_loss);
        expected.validation.push_back(metrics.validation_loss);
    });
    expect_near(tail, expected, 1e-5);
}

TEST_F(TailModelTest, AHeadOnFlattenedMapsHasAWeightForEveryPixel) {
    Trial options = trial("all");
    options.head = {.pooling = Pooling::flatten, .widths = {8}};
    const std::vector<float> maps = features_at(graph_.top_begin);
    HeadModel<double> head(options, {maps.data(), graph_.base_output().elements(), nullptr}, kClasses);
    Losses expected;
    train_trajectory(head, options, all_, all_, [&](const EpochMetrics& metrics) {
        expected.train.push_back(metrics.train_loss);
        expected.validation.push_back(metrics.validation_loss);
    });
    expect_near(train(options, exact_, feature_rows(maps)), expected, 1e-9);
}

/// Two classes, so that all losses can be asked for; the head on flattened maps, since those are the same numbers.
TEST_F(TailModelTest, ItsHeadIsTheHeadModelWhateverItsActivationsStartAndLoss) {
    Trial options = trial("all", 0.3);
    options.head = {.pooling = Pooling::flatten, .widths = {8, 4}};
    options.dropout = {0.3, 0};
    const std::vector<float> maps = features_at(graph_.top_begin);
    const TargetClasses classes(2, {3, 0.5});
    std::vector<int> labels;
    for (const int row : all_.rows) labels.push_back(row % 2);
    const auto expect_equal = [&](const Trial& wanted) {
        HeadModel<double> head(wanted, {maps.data(), graph_.base_output().elements(), nullptr}, classes);
        const auto tail = make_tail_model(wanted, graph_, tensors_, exact_, feature_rows(maps), classes, nullptr, true);
        for (int step = 1; step <= 4; ++step) {
            const double expected = head.train_batch(all_.rows, labels, step).loss;
            EXPECT_NEAR(tail->train_batch(all_.rows, labels, step).loss, expected, 1e-10 * expected) << step;
        }
        const BatchSums expected = head.evaluate(all_.rows, labels), found = tail->evaluate(all_.rows, labels);
        EXPECT_NEAR(found.loss, expected.loss, 1e-10 * expected.loss);
        EXPECT_EQ(found.predicted, expected.predicted);
        const std::vector<double> logits = head.logits(all_.rows), of_tail = tail->logits(all_.rows);
        ASSERT_EQ(logits.size(), 2 * all_.rows.size());
        ASSERT_EQ(of_tail.size(), logits.size());
        for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(of_tail[i], logits[i], 1e-9);
    };
    for (const auto& [activation, name] : names_of(HeadActivation{})) {
        SCOPED_TRACE(name);
        options.head.activations = {activation, activation};
        expect_equal(options);
    }
    for (const auto& [loss, name] : names_of(Loss{}))
        for (const double smoothing : {0.0, 0.2})
            for (const auto& [initializer, start] : names_of(Initializer{})) {
                SCOPED_TRACE(testing::Message() << name << " " << smoothing << " " << start);
                options.loss = loss;
                options.label_smoothing = smoothing;
                options.head.initializer = initializer;
                expect_equal(options);
            }
}

TEST_F(TailModelTest, TrainingAgainGivesTheSameBits) {
    const Trial options = trial("features.16", 0.3);
    const std::vector<float> features = features_at(options.cut);
    const TailInput input = feature_rows(features);
    const Losses first = train(options, exact_, input, false), again = train(options, exact_, input, false);
    EXPECT_EQ(first.train, again.train);
    EXPECT_EQ(first.validation, again.validation);
}

TEST_F(TailModelTest, RestoredAfterAnEpochItGoesOnBitForBit) {
    const Trial options = trial("features.16", 0.3);
    const std::vector<float> features = features_at(options.cut);
    const auto fresh = [&] {
        return make_tail_model(options, graph_, tensors_, exact_, feature_rows(features), kClasses);
    };
    const auto epoch = [&](Model& model, int number) {
        const std::span<const int> rows(all_.rows), labels(all_.labels);
        for (const std::size_t at : {0, 5}) model.train_batch(rows.subspan(at, 5), labels.subspan(at, 5), number);
    };
    const auto whole = fresh(), later = fresh();
    epoch(*whole, 1);
    const std::string saved = whole->state();
    epoch(*whole, 2);
    EXPECT_THROW(later->restore(saved.substr(1)), StageError);
    later->restore(saved);
    EXPECT_EQ(later->state(), saved);
    epoch(*later, 2);
    EXPECT_EQ(later->state(), whole->state());
    EXPECT_EQ(later->parameters_hash(), whole->parameters_hash());
    EXPECT_NE(later->parameters_hash(), fresh()->parameters_hash());
    EXPECT_EQ(later->evaluate(all_.rows, all_.labels).loss, whole->evaluate(all_.rows, all_.labels).loss);
}

TEST_F(TailModelTest, EvaluationSaysHowLabelsRankAsTheLogitsDo) {
    Trial options = trial("features.16");
    const std::vector<float> features = features_at(options.cut);
    for (const auto& [classes, loss] : {std::pair(2, Loss::categorical_crossentropy),
                                        {7, Loss::categorical_crossentropy},
                                        {2, Loss::binary_crossentropy}}) {
        options.loss = loss;
        const auto model =
            make_tail_model(options, graph_, tensors_, exact_, feature_rows(features), classes, nullptr, true);
        const std::vector<double> logits = model->logits(all_.rows);
        BatchSums expected;
        for (std::size_t i = 0; i < all_.rows.size(); ++i) {
            const auto outputs = static_cast<std::size_t>(classes);
            const auto row = std::span(logits).subspan(i * outputs, outputs);
            expected.note_ranking(outputs, ranking_of(row, 1));
        }
        const BatchSums found = model->evaluate(all_.rows, std::vector<int>(all_.rows.size(), 1));
        EXPECT_EQ(found.log_odds, expected.log_odds);
        EXPECT_EQ(found.among_five, expected.among_five);
        EXPECT_EQ(found.log_odds.size(), classes == 2 ? all_.rows.size() : 0);
        EXPECT_EQ(found.among_five.has_value(), classes == 7);
    }
}

TEST_F(TailModelTest, EvaluationIsInferenceAndLeavesTheModelAsItIs) {
    const Trial options = trial("features.16", 0.5);
    const std::vector<float> features = features_at(options.cut);
    const auto model =
        make_tail_model(options, graph_, tensors_, exact_, feature_rows(features), kClasses, nullptr, true);
    const double whole = model->evaluate(all_.rows, all_.labels).loss;
    double sum = 0;
    for (int i = 0; i < kImages; ++i) sum += model->evaluate(std::vector{i}, std::vector{i % kClasses}).loss;
    EXPECT_NEAR(sum, whole, 1e-10) << "an image's loss does not depend on its neighbours";
    EXPECT_EQ(model->evaluate(all_.rows, all_.labels).loss, whole);
}

}  // namespace
}  // namespace thaw
