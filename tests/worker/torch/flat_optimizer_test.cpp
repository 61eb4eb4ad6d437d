// The optimizers of tails, on CPUs and on GPUs, with every option, against Keras and torch.optim themselves.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/worker/heads/optimizer_options.hpp"
#include "tests/worker/heads/small_head.hpp"
#include "worker/heads/head_layout.hpp"
#include "worker/heads/optimizer.hpp"
#include "worker/torch/torch_optimizer.hpp"

namespace thaw {
namespace {

using namespace small_head;

const std::vector<std::size_t> kTensors = {24, 4, 12, 3};  // weights and biases of 6 -> 4 -> 3

/// Gradients of the small head's mean loss, by autograd.
torch::Tensor gradients_of(const torch::Tensor& parameters, std::vector<float>& values, const std::vector<int>& rows) {
    const auto numbers = [](const std::vector<int>& from) { return torch::tensor(from, torch::kInt64); };
    const torch::Tensor leaf = parameters.detach().clone().set_requires_grad(true);
    torch::Tensor x =
        torch::from_blob(values.data(), {kRows, kInputs}).to(torch::kFloat64).index_select(0, numbers(rows));
    x = torch::linear(x, leaf.slice(0, 0, 24).view({4, kInputs}), leaf.slice(0, 24, 28)).relu();
    x = torch::linear(x, leaf.slice(0, 28, 40).view({kClasses, 4}), leaf.slice(0, 40, 43));
    torch::cross_entropy_loss(x, numbers(labels_of(rows))).backward();
    return leaf.grad().clone();
}

template <typename Optimize>
void expect_golden(const OptionsCase& golden, Optimize optimize) {
    std::vector<float> values = features();
    const HeadLayout layout(kInputs, {4}, kClasses);
    torch::Tensor parameters = torch::empty({static_cast<std::int64_t>(layout.parameters)}, torch::kFloat64);
    initialize_head(layout, trial().seed, parameters.data_ptr<double>());
    for (int step = 0; step < kGoldenSteps; ++step) {
        torch::Tensor gradients = gradients_of(parameters, values, rows_of(kBatch * step));
        optimize(step, parameters, gradients);
    }
    for (std::size_t i = 0; i < golden.parameters.size(); ++i)
        ASSERT_NEAR(parameters.data_ptr<double>()[i], golden.parameters[i], golden.tolerance()) << i;
}

TEST(FlatOptimizer, TenStepsWithEveryOptionEqualKerasAndPytorch) {
    for (const OptionsCase& golden : optimizer_options()) {
        SCOPED_TRACE(optimizer_name(golden.optimizer));
        FlatOptimizer<double> optimizer(golden.optimizer, trial().learning_rate, kTensors);
        expect_golden(golden, [&](int step, torch::Tensor& parameters, torch::Tensor& gradients) {
            if (step == kRateChanges) optimizer.set_learning_rate(kLaterRate);
            optimizer.step(parameters.data_ptr<double>(), gradients.data_ptr<double>());
        });
    }
}

TEST(TorchOptimizer, TenStepsWithEveryOptionEqualKerasAndPytorch) {
    for (const OptionsCase& golden : optimizer_options()) {
        SCOPED_TRACE(optimizer_name(golden.optimizer));
        TorchOptimizer optimizer(golden.optimizer, trial().learning_rate, kTensors,
                                 torch::empty({43}, torch::kFloat64));
        expect_golden(golden, [&](int step, torch::Tensor& parameters, torch::Tensor& gradients) {
            if (step == kRateChanges) optimizer.set_learning_rate(kLaterRate);
            optimizer.step(parameters, gradients);
        });
    }
}

}  // namespace
}  // namespace thaw
