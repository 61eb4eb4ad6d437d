// Activations, losses, label smoothing, class weights and starts of heads, against Keras.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/worker/heads/small_head.hpp"
#include "worker/heads/class_weights.hpp"
#include "worker/heads/head_activation.hpp"
#include "worker/heads/head_model.hpp"

namespace thaw {
namespace {

using namespace small_head;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kTolerance = 1e-12, kReported = 1e-6;  // Keras reports in float32

const nlohmann::json& golden() {
    static const auto all = [] {
        std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/worker/heads/golden/keras_heads.json");
        return nlohmann::json::parse(file);
    }();
    return all;
}

Trial trial_of(const nlohmann::json& run) {
    Trial result = trial({5, 4});
    result.optimizer = {.kind = OptimizerKind::sgd};
    result.learning_rate = 0.5;
    result.loss = parse_name("loss", names_of(Loss{}), run.at("loss").get<std::string>());
    result.label_smoothing = run.at("label_smoothing");
    for (const auto& name : run.at("activations"))
        result.head.activations.push_back(
            parse_name("activation", names_of(HeadActivation{}), name.get<std::string>()));
    return result;
}

std::vector<int> labels_in(const std::vector<int>& rows, int classes) {
    std::vector<int> labels;
    for (const int row : rows) labels.push_back(row % classes);
    return labels;
}

class KerasHeads : public testing::TestWithParam<std::string> {
  protected:
    const nlohmann::json& run_ = golden().at(GetParam());
    const Trial trial_ = trial_of(run_);
    const TargetClasses classes_{run_.at("classes"), run_.at("class_weights").get<std::vector<double>>()};
    const std::vector<float> features_ = features();
    const std::vector<int> all_ = rows_of(0, kRows);

    HeadModel<double> model(const HeadKernel<double>& kernel = best_head_kernel<double>()) const {
        return {trial_, {features_.data(), kInputs, nullptr}, classes_, kernel};
    }
};

TEST_P(KerasHeads, TenStepsAreTheSame) {
    for (const auto& kernel : usable_head_kernels<double>()) {
        SCOPED_TRACE(kernel.instruction_set);
        HeadModel<double> head(trial_, {features_.data(), kInputs, nullptr}, classes_, kernel);
        const auto losses = run_.at("losses").get<std::vector<double>>();
        for (std::size_t step = 0; step < losses.size(); ++step) {
            const auto rows = rows_of(kBatch * static_cast<int>(step));
            const double loss = head.train_batch(rows, labels_in(rows, classes_.count), 1).loss / kBatch;
            EXPECT_NEAR(loss, losses[step], kTolerance) << "step " << step;
        }
        const auto expected = run_.at("parameters").get<std::vector<double>>();
        const std::vector<double> parameters = head.parameters();
        ASSERT_EQ(parameters.size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(parameters[i], expected[i], kTolerance) << i;
        const BatchSums sums = head.evaluate(all_, labels_in(all_, classes_.count));
        EXPECT_NEAR(sums.loss / kRows, run_.at("evaluated_loss").get<double>(), kReported);
        EXPECT_NEAR(static_cast<double>(sums.correct) / kRows, run_.at("evaluated_accuracy").get<double>(), kReported);
    }
}

TEST_P(KerasHeads, ProbabilitiesAfterTenStepsAreTheSame) {
    auto head = model();
    for (int step = 0; step < 10; ++step) {
        const auto rows = rows_of(kBatch * step);
        head.train_batch(rows, labels_in(rows, classes_.count), 1);
    }
    const auto classes = static_cast<std::size_t>(classes_.count);
    const std::vector<double> logits = head.logits(all_);
    const auto expected = run_.at("probabilities").get<std::vector<double>>();
    ASSERT_EQ(logits.size(), expected.size());
    const std::vector<int> predicted = head.evaluate(all_, labels_in(all_, classes_.count)).predicted;
    for (std::size_t row = 0; row < kRows; ++row) {
        const double* of_row = logits.data() + row * classes;
        double sum = 0;
        for (std::size_t c = 0; c < classes; ++c) sum += std::exp(of_row[c]);
        for (std::size_t c = 0; c < classes; ++c)
            EXPECT_NEAR(std::exp(of_row[c]) / sum, expected[row * classes + c], kTolerance);
        EXPECT_EQ(predicted[row], std::max_element(of_row, of_row + classes) - of_row);
    }
}

/// 20 rows in batches of 8, 8 and 4, in their order: what an epoch reports.
TEST_P(KerasHeads, AnEpochsMetricsAreTheSame) {
    auto head = model();
    BatchSums sums;
    for (int at = 0; at < kRows; at += kBatch) {
        const auto rows = rows_of(at, std::min(kBatch, kRows - at));
        sums += head.train_batch(rows, labels_in(rows, classes_.count), 1);
    }
    EXPECT_NEAR(sums.loss / kRows, run_.at("epoch_loss").get<double>(), kReported);
    EXPECT_NEAR(static_cast<double>(sums.correct) / kRows, run_.at("epoch_accuracy").get<double>(), kReported);
}

TEST_P(KerasHeads, InFloatItTrainsToRounding) {
    HeadModel<float> single(trial_, {features_.data(), kInputs, nullptr}, classes_);
    auto twice = model();
    for (int step = 0; step < 10; ++step) {
        const auto rows = rows_of(step * kBatch);
        const auto labels = labels_in(rows, classes_.count);
        EXPECT_NEAR(single.train_batch(rows, labels, 1).loss, twice.train_batch(rows, labels, 1).loss, 1e-4);
    }
}

std::vector<std::string> names() {
    std::vector<std::string> result;
    for (const auto& [name, run] : golden().items()) result.push_back(name);
    return result;
}

INSTANTIATE_TEST_SUITE_P(Cases, KerasHeads, testing::ValuesIn(names()), [](const auto& test) {
    std::string name = test.param;
    std::replace(name.begin(), name.end(), ' ', '_');
    return name;
});

TEST(HeadActivations, OfHugeNumbersAreFinite) {
    for (const auto& [activation, name] : names_of(HeadActivation{})) {
        std::vector<float> values = {-1e30F, -100, 0, 100, 1e30F}, mask(values.size(), 2);
        activate_and_mask(activation, values.size(), values.data(), mask.data());
        for (std::size_t i = 0; i < values.size(); ++i) {
            EXPECT_TRUE(std::isfinite(values[i])) << name << " " << i;
            EXPECT_TRUE(std::isfinite(mask[i])) << name << " " << i;
        }
    }
}

TEST(HeadActivations, AndDropoutDropTheSameUnitsAsReLU) {
    Trial usual = trial({64}, 0.5), other = usual;
    other.head.activations = {HeadActivation::linear};
    const std::vector<float> values = features();
    for (const Trial& options : {usual, other}) {
        HeadModel<double> head(descending(options), {values.data(), kInputs, nullptr}, kClasses);
        const std::vector<double> gradient = gradient_of_step(head, {3});
        std::vector<double> mask(64);
        fill_dropout_mask(options.seed, 0, 1, 3, 0.5, 64, mask.data());
        for (std::size_t unit = 0; unit < 64; ++unit)
            EXPECT_TRUE(mask[unit] != 0 || gradient[head.layout().layers[0].bias + unit] == 0) << unit;
    }
}

struct Moments {
    double mean = 0, variance = 0, largest = 0;
};

Moments moments(Initializer initializer, int inputs, int outputs) {
    const HeadLayout layout(inputs, {}, outputs);
    std::vector<double> parameters(layout.parameters);
    initialize_head(layout, 1, parameters.data(), initializer);
    Moments found;
    const std::size_t count = layout.layers[0].bias;
    for (std::size_t i = 0; i < count; ++i) {
        found.mean += parameters[i] / static_cast<double>(count);
        found.variance += parameters[i] * parameters[i] / static_cast<double>(count);
        found.largest = std::max(found.largest, std::abs(parameters[i]));
    }
    for (std::size_t i = count; i < parameters.size(); ++i) EXPECT_EQ(parameters[i], 0) << "a bias";
    return found;
}

TEST(HeadStart, OfHeNormalIsATruncatedNormalOfVarianceTwoByInputs) {
    const Moments found = moments(Initializer::he_normal, 400, 500);
    const double variance = 2.0 / 400, bound = 2 * std::sqrt(variance) / 0.87962566103423978;
    EXPECT_NEAR(found.mean, 0, 4 * std::sqrt(variance / 200'000));
    EXPECT_NEAR(found.variance, variance, 0.01 * variance);
    EXPECT_LE(found.largest, bound);
    EXPECT_GT(found.largest, 0.999 * bound);
}

TEST(HeadStart, OfRandomUniformIsWithinAFiveHundredth) {
    const Moments found = moments(Initializer::random_uniform, 400, 500);
    EXPECT_NEAR(found.variance, 0.05 * 0.05 / 3, 0.01 * 0.05 * 0.05 / 3);
    EXPECT_LE(found.largest, 0.05);
    EXPECT_GT(found.largest, 0.0499);
}

TEST(ClassWeights, AreInTheClassesOrder) {
    const std::vector<std::string> classes = {"cat", "dog", "owl"};
    const std::vector<int> labels = {0, 0, 0, 1, 1, 2};
    EXPECT_THAT(class_weights({}, classes, labels), IsEmpty());
    EXPECT_THAT(class_weights({.by_class = {{"owl", 3}, {"cat", 0.5}}}, classes, labels), ElementsAre(0.5, 1, 3));
    // scikit-learn: compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 1, 2])
    EXPECT_THAT(class_weights({.balanced = true}, classes, labels), ElementsAre(6.0 / 9, 1, 2));
    EXPECT_THAT(class_weights({.balanced = true}, classes, std::vector{0, 0, 2, 2}), ElementsAre(4.0 / 6, 1, 4.0 / 6));
}

}  // namespace
}  // namespace thaw
