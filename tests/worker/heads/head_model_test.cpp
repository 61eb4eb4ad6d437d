#include "worker/heads/head_model.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "common/util/error.hpp"
#include "tests/worker/heads/golden_optimizers.hpp"
#include "tests/worker/heads/small_head.hpp"

namespace thaw {
namespace {

using namespace small_head;

const std::vector<float>& data() {
    static const std::vector<float> values = features();
    return values;
}

template <typename Scalar = double>
HeadModel<Scalar> model(const Trial& trial) {
    return {trial, {data().data(), kInputs, nullptr}, kClasses};
}

/// The mean loss by the book, one image and one unit at a time.
double plain_loss(const Trial& trial, const std::vector<double>& parameters, const std::vector<int>& rows, int epoch) {
    const HeadLayout layout(kInputs, trial.head.widths, kClasses);
    double sum = 0;
    for (const int row : rows) {
        std::vector<double> x(data().begin() + row * kInputs, data().begin() + (row + 1) * kInputs);
        for (std::size_t l = 0; l < layout.layers.size(); ++l) {
            const DenseShape& layer = layout.layers[l];
            const auto outputs = static_cast<std::size_t>(layer.outputs);
            std::vector<double> y(outputs), mask(outputs, 1.0);
            const bool last = l + 1 == layout.layers.size();
            if (!last && trial.dropout[l] > 0)
                fill_dropout_mask(trial.seed, static_cast<int>(l), epoch, row, trial.dropout[l], layer.outputs,
                                  mask.data());
            for (std::size_t j = 0; j < outputs; ++j) {
                y[j] = parameters[layer.bias + j];
                for (std::size_t i = 0; i < x.size(); ++i) y[j] += parameters[layer.weight + j * x.size() + i] * x[i];
                if (!last) y[j] = std::max(y[j], 0.0) * mask[j];
            }
            x = y;
        }
        double partition = 0;
        for (const double logit : x) partition += std::exp(logit);
        sum += std::log(partition) - x[static_cast<std::size_t>(row % kClasses)];
    }
    return sum / static_cast<double>(rows.size());
}

TEST(HeadModel, TenStepsOfEveryOptimizerEqualKeras) {
    std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/worker/heads/golden/keras_optimizers.json");
    const auto golden = nlohmann::json::parse(file);
    ASSERT_EQ(golden.size(), golden_optimizers().size());
    for (const auto& kernel : usable_head_kernels<double>())
        for (const auto& [name, optimizer] : golden_optimizers()) {
            SCOPED_TRACE(testing::Message() << kernel.instruction_set << " " << name);
            Trial options = trial();
            options.optimizer = optimizer;
            HeadModel<double> head(options, {data().data(), kInputs, nullptr}, kClasses, kernel);
            const auto losses = golden.at(name).at("losses").get<std::vector<double>>();
            for (std::size_t step = 0; step < losses.size(); ++step) {
                const auto rows = rows_of(kBatch * static_cast<int>(step));
                EXPECT_NEAR(head.train_batch(rows, labels_of(rows), 1).loss / kBatch, losses[step], 1e-12);
            }
            const auto expected = golden.at(name).at("parameters").get<std::vector<double>>();
            const std::vector<double> parameters = head.parameters();
            ASSERT_EQ(parameters.size(), expected.size());
            for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(parameters[i], expected[i], 1e-12) << i;
        }
}

TEST(HeadModel, LossAndGradientsEqualAPlainLossAndItsFiniteDifferences) {
    constexpr int kEpoch = 2;
    for (const double dropout : {0.0, 0.2}) {
        const Trial options = descending(trial({12, 8}, dropout));
        auto head = model(options);
        // Biases start at 0, where a unit whose inputs are all dropped sits on ReLU's kink: a few steps move them off.
        for (int step = 0; step < 5; ++step) {
            const auto others = rows_of(step * kBatch);
            head.train_batch(others, labels_of(others), kEpoch + step);
        }
        const auto rows = rows_of(3);
        std::vector<double> parameters = head.parameters();
        auto twin = model(options);
        twin.restore(head.state());
        const double loss = twin.train_batch(rows, labels_of(rows), kEpoch).loss / kBatch;
        EXPECT_NEAR(loss, plain_loss(options, parameters, rows, kEpoch), 1e-13);
        const std::vector<double> gradient = gradient_of_step(head, rows, kEpoch);
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            constexpr double kStep = 1e-5;
            const double here = parameters[i];
            parameters[i] = here + kStep;
            const double above = plain_loss(options, parameters, rows, kEpoch);
            parameters[i] = here - kStep;
            const double below = plain_loss(options, parameters, rows, kEpoch);
            parameters[i] = here;
            EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-9) << i;
        }
    }
}

/// One feature, two classes, no hidden layer: with start weights a and b the logits are a*x and b*x.
TEST(HeadModel, LossAndAccuracyAreThoseWorkedOutByHand) {
    const std::vector<float> values = {1, -2, 0};
    HeadModel<double> head(trial({}), {values.data(), 1, nullptr}, 2);
    const double a = head.parameters()[0], b = head.parameters()[1];
    const auto loss = [](double right, double wrong) { return std::log1p(std::exp(wrong - right)); };
    const std::vector<int> rows = {0, 1, 2}, labels = {0, 0, 1};
    const BatchSums sums = head.evaluate(rows, labels);
    EXPECT_NEAR(sums.loss, loss(a, b) + loss(-2 * a, -2 * b) + std::log(2.0), 1e-14);
    EXPECT_EQ(sums.correct, 1) << "x=1 and x=-2 cannot both be class 0; between equals the first class wins";
}

TEST(HeadModel, EvaluationSaysHowLabelsRankAmongTwoOrManyClasses) {
    const std::vector<float> values = {1, -2, 0};
    HeadModel<double> two(trial({}), {values.data(), 1, nullptr}, 2);
    const double slope = two.parameters()[1] - two.parameters()[0];
    const BatchSums of_two = two.evaluate(std::vector{0, 1, 2}, std::vector{0, 0, 1});
    EXPECT_THAT(of_two.log_odds, testing::Pointwise(testing::DoubleNear(1e-15), {slope, -2 * slope, 0.0}));
    EXPECT_EQ(of_two.among_five, std::nullopt);
    Trial binary = trial({});
    binary.loss = Loss::binary_crossentropy;
    HeadModel<double> one_output(binary, {values.data(), 1, nullptr}, 2);
    const double weight = one_output.parameters()[0];
    EXPECT_THAT(one_output.evaluate(std::vector{0, 1}, std::vector{0, 1}).log_odds,
                testing::Pointwise(testing::DoubleNear(1e-15), {weight, -2 * weight}));

    constexpr int kMany = 7;
    const std::vector<float> inputs = features();
    HeadModel<float> many(trial({4}), {inputs.data(), kInputs, nullptr}, kMany);
    const std::vector<int> rows = rows_of(0, kRows);
    const std::vector<double> logits = many.logits(rows);
    int among_five = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto row = std::span(logits).subspan(i * kMany, kMany);
        int ahead = 0;
        for (const double logit : row) ahead += logit > row[0] ? 1 : 0;
        among_five += ahead < 5 ? 1 : 0;
    }
    const BatchSums of_many = many.evaluate(rows, std::vector<int>(rows.size(), 0));
    EXPECT_EQ(of_many.among_five, among_five);
    EXPECT_TRUE(of_many.log_odds.empty());
    EXPECT_EQ(model(trial({4})).evaluate(rows, labels_of(rows)).among_five, std::nullopt) << "of three classes all are";
}

TEST(HeadModel, EvaluationDoesNotDependOnHowRowsAreGrouped) {
    auto head = model(trial({4}, 0.5));
    std::vector<int> rows;
    for (int i = 0; i < 1000; ++i) rows.push_back(i * 7 % kRows);
    const BatchSums whole = head.evaluate(rows, labels_of(rows));
    BatchSums sum;
    for (const int row : rows) {
        const BatchSums one = head.evaluate(std::vector{row}, std::vector{row % kClasses});
        sum.loss += one.loss;
        sum.correct += one.correct;
    }
    EXPECT_NEAR(whole.loss, sum.loss, 1e-9);
    EXPECT_EQ(whole.correct, sum.correct);
}

TEST(HeadModel, TheOrderOfImagesInABatchChangesTheStepByRoundingAlone) {
    const Trial options = descending(trial({5}, 0.4));
    auto forwards = model(options), backwards = model(options);
    auto rows = rows_of(0);
    const std::vector<double> expected = gradient_of_step(forwards, rows);
    std::reverse(rows.begin(), rows.end());
    const std::vector<double> reversed = gradient_of_step(backwards, rows);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(reversed[i], expected[i], 1e-15);
}

TEST(HeadModel, EvaluationBetweenStepsChangesNoStep) {
    const Trial options = trial({5}, 0.4);
    auto plain = model<float>(options), watched = model<float>(options);
    const auto all = rows_of(0, kRows);
    for (int step = 0; step < 5; ++step) {
        const auto rows = rows_of(step * 3);
        plain.train_batch(rows, labels_of(rows), 1);
        watched.train_batch(rows, labels_of(rows), 1);
        watched.evaluate(all, labels_of(all));
    }
    EXPECT_EQ(plain.parameters(), watched.parameters());
}

TEST(HeadModel, LargeLogitsOverflowNothing) {
    const std::vector<float> values(kInputs, 1e30F);
    HeadModel<float> head(trial({4}), {values.data(), kInputs, nullptr}, kClasses);
    const BatchSums sums = head.evaluate(std::vector{0}, std::vector{0});
    EXPECT_TRUE(std::isfinite(sums.loss)) << sums.loss;
}

TEST(HeadModel, InFloatItAgreesWithDoubleToRounding) {
    auto single = model<float>(trial());
    auto twice = model<double>(trial());
    for (int step = 0; step < 20; ++step) {
        const auto rows = rows_of(step * kBatch);
        EXPECT_NEAR(single.train_batch(rows, labels_of(rows), 1).loss, twice.train_batch(rows, labels_of(rows), 1).loss,
                    1e-4);
    }
}

/// Wide enough for many panels, as real heads are.
std::vector<float> trained(const Trial& options) {
    constexpr int kWide = 640, kCount = 40;
    static const std::vector<float> values = uniform_within("wide", kWide * kCount, -1, 1);
    HeadModel<float> head(options, {values.data(), kWide, nullptr}, kClasses);
    std::vector<int> rows(kCount);
    std::iota(rows.begin(), rows.end(), 0);
    train_trajectory(head, options, {rows, labels_of(rows)}, {rows, labels_of(rows)}, [](const EpochMetrics&) {});
    return head.parameters();
}

TEST(HeadModel, TrainingAgainGivesTheSameBits) {
    const Trial options = trial({128, 32}, 0.5);
    EXPECT_EQ(trained(options), trained(options));
}

TEST(HeadModel, TrainingBesideOtherHeadsGivesTheSameBits) {
    const Trial options = trial({128, 32}, 0.5);
    const std::vector<float> alone = trained(options);
    for (int attempt = 0; attempt < 5; ++attempt) {
        std::vector<float> here, there;
        {
            const std::jthread first([&] { here = trained(options); });
            const std::jthread second([&] { there = trained(options); });
            const std::jthread other([&] { trained(trial({17}, 0.2)); });
        }
        EXPECT_EQ(here, alone);
        EXPECT_EQ(there, alone);
    }
}

TEST(HeadModel, HasTheParametersItStartsWithInTheLayoutsOrder) {
    for (const std::vector<int>& widths : {std::vector<int>{}, {1}, {17}, {40, 7, 33}}) {
        const auto head = model(trial(widths));
        std::vector<double> start(head.layout().parameters);
        initialize_head(head.layout(), trial().seed, start.data());
        EXPECT_EQ(head.parameters(), start);
    }
}

TEST(HeadModel, RestoredItGoesOnBitForBit) {
    for (const auto& [name, optimizer] : golden_optimizers()) {
        SCOPED_TRACE(name);
        Trial options = trial({17, 5}, 0.3);
        options.optimizer = optimizer;
        auto whole = model<float>(options), later = model<float>(options);
        const auto epoch = [](HeadModel<float>& head, int number) {
            for (int step = 0; step < 3; ++step) {
                const auto rows = rows_of(number + step * kBatch, step == 2 ? 3 : kBatch);
                head.train_batch(rows, labels_of(rows), number);
            }
        };
        epoch(whole, 1);
        const std::string saved = whole.state();
        epoch(whole, 2);
        EXPECT_NE(later.parameters_hash(), whole.parameters_hash());
        later.restore(saved);
        EXPECT_EQ(later.state(), saved);
        epoch(later, 2);
        EXPECT_EQ(later.state(), whole.state());
        EXPECT_EQ(later.parameters_hash(), whole.parameters_hash());
    }
}

TEST(HeadModel, AStateOfAnotherModelIsRefusedAndChangesNothing) {
    auto head = model<float>(trial({5}));
    const std::string own = head.state();
    Trial plain = trial({5});
    plain.optimizer = {.kind = OptimizerKind::sgd};
    for (const std::string& other : {model<float>(trial({6})).state(), model<double>(trial({5})).state(),
                                     model<float>(plain).state(), own + "x", own.substr(1), std::string()}) {
        EXPECT_THROW(head.restore(other), StageError);
        EXPECT_EQ(head.state(), own);
    }
}

TEST(HeadStart, IsGlorotUniformWithZeroBiases) {
    const HeadLayout layout(300, {200}, 10);
    std::vector<double> parameters(layout.parameters);
    initialize_head(layout, 1, parameters.data());
    for (const DenseShape& layer : layout.layers) {
        const double limit = std::sqrt(6.0 / (layer.inputs + layer.outputs));
        double sum = 0, squares = 0, largest = 0;
        for (std::size_t i = layer.weight; i < layer.bias; ++i) {
            sum += parameters[i];
            squares += parameters[i] * parameters[i];
            largest = std::max(largest, std::abs(parameters[i]));
        }
        const auto count = static_cast<double>(layer.bias - layer.weight);
        EXPECT_NEAR(sum / count, 0, 4 * limit / std::sqrt(3 * count));
        EXPECT_NEAR(squares / count, limit * limit / 3, 0.05 * limit * limit / 3);
        EXPECT_LE(largest, limit);
        EXPECT_GT(largest, 0.99 * limit);
        for (int i = 0; i < layer.outputs; ++i) EXPECT_EQ(parameters[layer.bias + static_cast<std::size_t>(i)], 0);
    }
}

TEST(HeadStart, DependsOnTheSeedAlone) {
    const HeadLayout layout(6, {4}, 3);
    std::vector<float> first(layout.parameters), again(layout.parameters), other(layout.parameters);
    initialize_head(layout, 1, first.data());
    initialize_head(layout, 1, again.data());
    initialize_head(layout, 2, other.data());
    EXPECT_EQ(first, again);
    EXPECT_NE(first, other);
}

std::vector<double> mask(double rate, int image = 0, int epoch = 1, int layer = 0, std::uint64_t seed = 1) {
    std::vector<double> result(50'000);
    fill_dropout_mask(seed, layer, epoch, image, rate, static_cast<int>(result.size()), result.data());
    return result;
}

TEST(Dropout, DropsItsRateOfUnitsAndKeepsTheExpectation) {
    for (const double rate : {0.1, 0.5, 0.9}) {
        const std::vector<double> drawn = mask(rate);
        double sum = 0, dropped = 0;
        for (const double value : drawn) {
            EXPECT_TRUE(value == 0 || value == 1 / (1 - rate));
            sum += value;
            dropped += value == 0;
        }
        const auto count = static_cast<double>(drawn.size());
        const double deviation = std::sqrt(rate * (1 - rate) / count);
        EXPECT_NEAR(dropped / count, rate, 4 * deviation);
        EXPECT_NEAR(sum / count, 1, 4 * deviation / (1 - rate));
    }
}

TEST(Dropout, IsAFunctionOfSeedLayerEpochAndImage) {
    EXPECT_EQ(mask(0.5), mask(0.5));
    EXPECT_NE(mask(0.5), mask(0.5, 1));
    EXPECT_NE(mask(0.5), mask(0.5, 0, 2));
    EXPECT_NE(mask(0.5), mask(0.5, 0, 1, 1));
    EXPECT_NE(mask(0.5), mask(0.5, 0, 1, 0, 2));
}

TEST(Dropout, OfRateZeroDoesNothing) {
    const auto rows = rows_of(0);
    auto without = model(trial({5}, 0));
    const double trained_loss = without.train_batch(rows, labels_of(rows), 1).loss;
    EXPECT_NEAR(trained_loss, model(trial({5}, 0.5)).evaluate(rows, labels_of(rows)).loss, 1e-12)
        << "nor does any rate in evaluation";
    EXPECT_EQ(mask(0), std::vector<double>(50'000, 1));
}

TEST(Dropout, BelongsToTheImageWhateverBatchItIsIn) {
    const Trial options = trial({16}, 0.5);
    double sum = 0;
    for (const int row : rows_of(0)) {
        auto alone = model(options);
        sum += alone.train_batch(std::vector{row}, std::vector{row % kClasses}, 1).loss;
    }
    auto together = model(options);
    const auto rows = rows_of(0);
    EXPECT_NEAR(together.train_batch(rows, labels_of(rows), 1).loss, sum, 1e-12);
}

}  // namespace
}  // namespace thaw
