// Batch-norm over a group's batch against torch::batch_norm on the whole batch.
#include "worker/torch/group_batch_norm.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace thaw {
namespace {

struct Outcome {
    torch::Tensor y, x_gradient, weight_gradient, bias_gradient, mean, variance;
};

template <typename Normalize>
Outcome run_norm(torch::Tensor x, const torch::Tensor& slope, const Normalize& normalize) {
    const auto ramp = [](double from, double to) {
        return torch::linspace(from, to, 5, torch::kFloat64).set_requires_grad(true);
    };
    x = x.detach().clone().set_requires_grad(true);
    const torch::Tensor weight = ramp(0.5, 2), bias = ramp(-1, 1);
    torch::Tensor mean = torch::linspace(0, 1, 5, torch::kFloat64),
                  variance = torch::linspace(1, 2, 5, torch::kFloat64);
    const torch::Tensor y = normalize(x, weight, bias, mean, variance);
    (y * y * slope).sum().backward();
    return {y.detach(), x.grad(), weight.grad(), bias.grad(), mean, variance};
}

void expect_equal(const torch::Tensor& a, const torch::Tensor& b) {
    EXPECT_LE((a - b).abs().max().item<double>(), 1e-12 * b.abs().max().item<double>());
}

TEST(GroupBatchNorm, IsTheBatchNormOfTheWholeBatch) {
    torch::manual_seed(1);
    const torch::Tensor x = torch::randn({7, 5, 4, 3}, torch::kFloat64) * 3 + 1, slope = torch::rand_like(x);
    const Outcome whole = run_norm(x, slope, [](auto& in, auto& w, auto& b, auto& mean, auto& variance) {
        return torch::batch_norm(in, w, b, mean, variance, true, 0.1, 1e-3, false);
    });
    for (const int size : {1, 2, 3}) {
        auto communicators = make_local_communicators(size);
        std::vector<Outcome> parts(static_cast<std::size_t>(size));
        std::vector<std::thread> members;
        for (std::size_t i = 0; i < parts.size(); ++i)
            members.emplace_back([&, i] {
                Group group(std::move(communicators[i]));
                const auto [begin, end] = group.share_of(7);
                const auto own = [&, first = begin, last = end](const torch::Tensor& all) {
                    return all.slice(0, static_cast<std::int64_t>(first), static_cast<std::int64_t>(last));
                };
                parts[i] = run_norm(own(x), own(slope), [&](auto& in, auto& w, auto& b, auto& mean, auto& variance) {
                    return group_batch_norm(in, w, b, mean, variance, 0.1, 1e-3, group);
                });
            });
        for (std::thread& member : members) member.join();
        std::vector<torch::Tensor> y, gradient;
        torch::Tensor weight = torch::zeros({5}, torch::kFloat64), bias = weight.clone();
        for (const Outcome& part : parts) {
            y.push_back(part.y);
            gradient.push_back(part.x_gradient);
            weight += part.weight_gradient;
            bias += part.bias_gradient;
            expect_equal(part.mean, whole.mean);
            expect_equal(part.variance, whole.variance);
        }
        expect_equal(torch::cat(y), whole.y);
        expect_equal(torch::cat(gradient), whole.x_gradient);
        expect_equal(weight, whole.weight_gradient);
        expect_equal(bias, whole.bias_gradient);
    }
}

}  // namespace
}  // namespace thaw
