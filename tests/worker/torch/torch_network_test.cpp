#include "worker/torch/torch_network.hpp"

#include <gtest/gtest.h>

#include "common/backbones/backbones.hpp"
#include "tests/worker/network/filled_tensors.hpp"

namespace thaw {
namespace {

constexpr int kSize = 64;

torch::Tensor random_input(const std::vector<std::int64_t>& shape) {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;
    std::vector<float> values = uniform_within("input", static_cast<std::size_t>(count), -2, 2);
    return torch::from_blob(values.data(), shape).to(torch::kFloat64);  // a copy
}

TEST(Preprocess, SubtractsTheMeanAndDividesByTheDeviationOfEachChannel) {
    const std::vector<std::uint8_t> pixels = {10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120};  // 2 x 2
    const Preprocessing preprocessing{.name = "x", .mean = {1, 2, 3}, .deviation = {1, 2, 4}};
    const torch::Tensor found = preprocess(pixels.data(), 1, 2, preprocessing, torch::kFloat64);
    const torch::Tensor expected =
        torch::tensor({9.0, 39.0, 69.0, 99.0, 9.0, 24.0, 39.0, 54.0, 6.75, 14.25, 21.75, 29.25}, torch::kFloat64);
    EXPECT_TRUE(torch::equal(found, expected.view({1, 3, 2, 2})));
}

TEST(Preprocess, ReversesTheChannelsBeforeTheMeanWhereTheWeightsWantBgr) {
    const std::vector<std::uint8_t> pixel = {10, 20, 30};
    const Preprocessing preprocessing{.name = "x", .mean = {1, 2, 3}, .bgr = true};
    const torch::Tensor found = preprocess(pixel.data(), 1, 1, preprocessing, torch::kFloat64);
    EXPECT_TRUE(torch::equal(found.flatten(), torch::tensor({29.0, 18.0, 7.0}, torch::kFloat64)));
}

TEST(Pool, GivesTheMeanTheLargestOrAllValuesOfEachChannel) {
    const torch::Tensor map = torch::tensor({1.0, 2.0, 3.0, 6.0, -1.0, -2.0, -3.0, -4.0}).view({1, 2, 2, 2});
    EXPECT_TRUE(torch::equal(pool(map, Pooling::average), torch::tensor({{3.0, -2.5}})));
    EXPECT_TRUE(torch::equal(pool(map, Pooling::max), torch::tensor({{6.0, -1.0}})));
    EXPECT_TRUE(torch::equal(pool(map, Pooling::flatten), map.view({1, 8})));
}

class TailOfMobileNet : public testing::Test {
  protected:
    const LayerGraph graph_ = build_backbone("mobilenet_v2", kSize, PaddingStyle::symmetric);
    const TensorMap tensors_ = filled_tensors(graph_);

    int layer(const std::string& name) const { return graph_.find(name); }
    TorchNetwork network(int first, int frozen) const {
        return {graph_, first, graph_.top_begin, frozen, tensors_, torch::kFloat64};
    }
    torch::Tensor input_of(int first, int count = 3) const {
        const Shape& shape = graph_.layers[static_cast<std::size_t>(first - 1)].output;
        return random_input({count, shape.channels, shape.height, shape.width});
    }
};

TEST_F(TailOfMobileNet, GoesOnWhereThePrefixEnded) {
    const torch::NoGradGuard no_gradients;
    const torch::Tensor image = input_of(1);
    const int all = graph_.top_begin;
    const std::vector<int> at = cuts(graph_);
    const auto crossing = network(0, all).outputs_at(image, at);
    for (std::size_t i = 0; i < at.size(); i += 9)
        EXPECT_TRUE(torch::allclose(network(at[i], all).forward(crossing[i], false), crossing.back(), 1e-12, 1e-12))
            << at[i];
}

TEST_F(TailOfMobileNet, KeepsOutputsInTheOrderOfTheCutsAskedFor) {
    const torch::NoGradGuard no_gradients;
    TorchNetwork whole = network(0, graph_.top_begin);
    const torch::Tensor image = input_of(1, 1);
    const auto outputs = whole.outputs_at(image, {50, graph_.top_begin, 1, 50});
    EXPECT_TRUE(torch::equal(outputs[0], outputs[3]));
    EXPECT_TRUE(torch::equal(outputs[0], whole.outputs_at(image, {50})[0]));
    EXPECT_TRUE(torch::equal(outputs[1], whole.forward(image, false)));
    EXPECT_TRUE(torch::equal(outputs[2], image));
}

TEST_F(TailOfMobileNet, TrainsTheParametersOfTheLayersAfterTheFrozenOnesAlone) {
    const int frozen = layer("features.17.conv.1.relu") + 1;
    const int first = layer("features.15.add") + 1;
    TorchNetwork tail = network(first, frozen);
    // features.17.conv.2 and .3, features.18.0 and .1: two convolutions, two batch-norms of two parameters.
    ASSERT_EQ(tail.trained_parameters().size(), 6U);
    EXPECT_EQ(tail.trained_parameters()[0]->sizes().vec(), (std::vector<std::int64_t>{320, 960, 1, 1}));
}

TEST_F(TailOfMobileNet, RunsTrainedBatchNormOnTheBatchAndFrozenBatchNormOnStoredStatistics) {
    const int first = layer("features.16.add") + 1;
    const torch::NoGradGuard no_gradients;
    const torch::Tensor few = input_of(first, 4), one = few.narrow(0, 0, 1);
    TorchNetwork frozen = network(first, graph_.top_begin);
    EXPECT_TRUE(torch::allclose(frozen.forward(few, true).narrow(0, 0, 1), frozen.forward(one, true), 1e-12, 1e-12))
        << "in inference mode an image does not know its neighbours";
    TorchNetwork trained = network(first, layer("features.18.0"));
    EXPECT_FALSE(torch::allclose(trained.forward(few, true).narrow(0, 0, 1), trained.forward(one, true), 1e-3, 1e-3));
}

TEST_F(TailOfMobileNet, MovesTheRunningStatisticsOfTrainedBatchNormAsPyTorchDoes) {
    const int first = layer("features.18.1");  // the last batch-norm alone, then ReLU6
    TorchNetwork tail = network(first, first);
    const torch::NoGradGuard no_gradients;
    const torch::Tensor x = input_of(first, 4);
    tail.forward(x, true);
    const auto stored = [&](const char* part) {
        const HostTensor& tensor = tensors_.at(std::string("features.18.1.") + part);
        return torch::tensor(tensor.values).to(torch::kFloat64);
    };
    const torch::Tensor mean = 0.9 * stored("running_mean") + 0.1 * x.mean({0, 2, 3});
    const torch::Tensor variance =
        0.9 * stored("running_var") + 0.1 * x.var(at::IntArrayRef{0, 2, 3}, /*unbiased=*/true);
    const auto as_map = [](const torch::Tensor& vector) { return vector.view({1, -1, 1, 1}); };
    const torch::Tensor expected =
        ((x - as_map(mean)) / (as_map(variance) + 1e-5).sqrt() * as_map(stored("weight")) + as_map(stored("bias")))
            .clamp(0, 6);
    EXPECT_TRUE(torch::allclose(tail.forward(x, false), expected, 1e-10, 1e-10));
}

}  // namespace
}  // namespace thaw
