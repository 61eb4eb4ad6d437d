// HeadModel against LibTorch's autograd.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/worker/heads/small_head.hpp"
#include "worker/heads/head_model.hpp"

namespace thaw {
namespace {

using namespace small_head;

TEST(HeadModelGradients, EqualAutograd) {
    std::vector<float> values = features();
    const Trial options = descending(trial({7, 5}));
    HeadModel<double> head(options, {values.data(), kInputs, nullptr}, kClasses);
    std::vector<torch::Tensor> weights, biases;
    std::vector<double> start = head.parameters();
    for (const DenseShape& layer : head.layout().layers) {
        const auto leaf = [&](std::size_t at, const std::vector<std::int64_t>& shape) {
            return torch::from_blob(start.data() + at, shape, torch::kFloat64).clone().set_requires_grad(true);
        };
        weights.push_back(leaf(layer.weight, {layer.outputs, layer.inputs}));
        biases.push_back(leaf(layer.bias, {layer.outputs}));
    }
    const auto rows = rows_of(5);
    const auto labels = labels_of(rows);
    const auto numbers = [](const std::vector<int>& from) { return torch::tensor(from, torch::kInt64); };
    torch::Tensor x =
        torch::from_blob(values.data(), {kRows, kInputs}).to(torch::kFloat64).index_select(0, numbers(rows));
    for (std::size_t l = 0; l < weights.size(); ++l) {
        x = torch::linear(x, weights[l], biases[l]);
        if (l + 1 < weights.size()) x = x.relu();
    }
    const torch::Tensor loss = torch::cross_entropy_loss(x, numbers(labels));
    loss.backward();

    EXPECT_NEAR(head.evaluate(rows, labels).loss / kBatch, loss.item<double>(), 1e-13);
    const std::vector<double> gradient = gradient_of_step(head, rows);
    for (std::size_t l = 0; l < weights.size(); ++l) {
        const DenseShape& layer = head.layout().layers[l];
        const auto expect_equal = [&](std::size_t at, const torch::Tensor& expected) {
            const torch::Tensor flat = expected.flatten();
            for (std::int64_t i = 0; i < flat.numel(); ++i)
                EXPECT_NEAR(gradient[at + static_cast<std::size_t>(i)], flat[i].item<double>(), 1e-14);
        };
        expect_equal(layer.weight, weights[l].grad());
        expect_equal(layer.bias, biases[l].grad());
    }
}

}  // namespace
}  // namespace thaw
