// Batch normalization with its activation, against LibTorch's own and against loops by the book.
#include "worker/torch/batch_norm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "worker/network/batch_norm_kernel.hpp"

namespace thaw {
namespace {

struct NormLayer {
    torch::Tensor weight, bias, running_mean, running_var;

    NormLayer(int channels, torch::Dtype type)
        : weight(torch::rand({channels}, type) + 0.5),
          bias(torch::randn({channels}, type)),
          running_mean(torch::randn({channels}, type)),
          running_var(torch::rand({channels}, type) + 0.1) {
        weight.set_requires_grad(true);
        bias.set_requires_grad(true);
    }
    BatchNormLayer with(Activation activation) {
        return {weight, bias, running_mean, running_var, 0.1, 1e-3, activation};
    }
    NormLayer copy() const {
        NormLayer same = *this;
        for (torch::Tensor* tensor : {&same.weight, &same.bias, &same.running_mean, &same.running_var})
            *tensor = tensor->detach().clone().set_requires_grad(tensor->requires_grad());
        return same;
    }
};

torch::Tensor activate(const torch::Tensor& x, Activation activation) {
    return activation == Activation::relu    ? torch::relu(x)
           : activation == Activation::relu6 ? torch::hardtanh(x, 0, 6)
                                             : x;
}

/// Outputs, gradients and running statistics, ours and LibTorch's, of maps whose mean is `offset` deviations from zero.
void expect_as_torch(torch::Dtype type, const std::vector<std::int64_t>& shape, Activation activation, double tolerance,
                     double offset = 0.3) {
    torch::manual_seed(1);
    NormLayer ours(static_cast<int>(shape[1]), type);
    NormLayer theirs = ours.copy();
    const torch::Tensor maps = torch::randn(shape, type) * 3 + 3 * offset, upstream = torch::randn(shape, type);
    for (const bool training : {true, false}) {
        torch::Tensor x = maps.clone().contiguous(at::MemoryFormat::ChannelsLast).set_requires_grad(training);
        torch::Tensor z = maps.clone().set_requires_grad(training);
        const torch::Tensor y = batch_norm(x, ours.with(activation), training);
        const torch::Tensor expected = activate(torch::batch_norm(z, theirs.weight, theirs.bias, theirs.running_mean,
                                                                  theirs.running_var, training, 0.1, 1e-3, false),
                                                activation);
        const auto expect_close = [&](const torch::Tensor& a, const torch::Tensor& b, const char* what) {
            const double scale = std::max(b.abs().max().item<double>(), 1.0);
            EXPECT_LT((a - b).abs().max().item<double>(), tolerance * scale) << what << " training " << training;
        };
        expect_close(y, expected, "output");
        expect_close(ours.running_mean, theirs.running_mean, "running mean");
        expect_close(ours.running_var, theirs.running_var, "running variance");
        if (!training) continue;
        y.backward(upstream.contiguous(at::MemoryFormat::ChannelsLast));
        expected.backward(upstream);
        expect_close(x.grad(), z.grad(), "input's gradient");
        expect_close(ours.weight.grad(), theirs.weight.grad(), "weight's gradient");
        expect_close(ours.bias.grad(), theirs.bias.grad(), "bias' gradient");
    }
}

TEST(BatchNorm, IsLibTorchsWithTheActivationBehindItInDouble) {
    for (const Activation activation : {Activation::none, Activation::relu, Activation::relu6})
        for (const std::vector<std::int64_t>& shape :
             {std::vector<std::int64_t>{16, 96, 7, 7}, {3, 1, 5, 4}, {1, 33, 2, 3}, {7, 40, 1, 1}, {2, 130, 9, 9}})
            expect_as_torch(torch::kFloat64, shape, activation, 1e-12);
}

TEST(BatchNorm, IsLibTorchsToRoundingInSinglePrecisionAlsoFarFromZero) {
    for (const Activation activation : {Activation::none, Activation::relu, Activation::relu6})
        expect_as_torch(torch::kFloat32, {16, 72, 14, 14}, activation, 2e-5);
    // 30 deviations from zero: squares of the values themselves would lose three digits.
    expect_as_torch(torch::kFloat32, {16, 72, 14, 14}, Activation::none, 2e-4, 30);
}

TEST(BatchNorm, TakesMapsInAnyOrder) {
    NormLayer layer(5, torch::kFloat32);
    const torch::Tensor maps = torch::randn({2, 5, 4, 3});
    const auto run = [&](const torch::Tensor& x) {
        NormLayer fresh = layer.copy();
        return batch_norm(x, fresh.with(Activation::relu), true);
    };
    EXPECT_TRUE(torch::equal(run(maps), run(maps.contiguous(at::MemoryFormat::ChannelsLast))));
}

TEST(BatchNorm, LeavesNoGradientWhereNothingBeforeItIsTrained) {
    NormLayer layer(5, torch::kFloat32);
    const torch::Tensor y = batch_norm(torch::randn({2, 5, 4, 3}), layer.with(Activation::none), true);
    y.sum().backward();
    EXPECT_LT((layer.bias.grad() - 24).abs().max().item<double>(), 1e-5);
}

template <typename Scalar>
class BatchNormKernelTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(BatchNormKernelTest, Scalars);

TYPED_TEST(BatchNormKernelTest, EveryInstructionSetGivesTheBooksSums) {
    using Scalar = TypeParam;
    const double tolerance = std::is_same_v<Scalar, float> ? 1e-5 : 1e-12;
    for (const auto& kernel : usable_batch_norm_kernels<Scalar>()) {
        for (const MapShape shape : {MapShape{1, 1}, {3, 5}, {65, 32}, {200, 71}, {64, 256}}) {
            const auto type = std::is_same_v<Scalar, float> ? torch::kFloat32 : torch::kFloat64;
            const torch::Tensor x = torch::randn({shape.rows, shape.channels}, type) + 2;
            const torch::Tensor dy = torch::randn({shape.rows, shape.channels}, type);
            const torch::Tensor scale = torch::rand({shape.channels}, type) + 0.5,
                                shift = torch::randn({shape.channels}, type);
            const auto channels = static_cast<std::size_t>(shape.channels);
            std::vector<double> mean(channels), variance(channels), sum(channels), products(channels);
            kernel.statistics(x.data_ptr<Scalar>(), shape, mean.data(), variance.data());
            const torch::Tensor rounded = torch::from_blob(mean.data(), {shape.channels}, torch::kFloat64).to(type);
            const ScaleAndClamp<Scalar> of = {scale.data_ptr<Scalar>(), shift.data_ptr<Scalar>(), 0, 6};
            kernel.backward_sums(x.data_ptr<Scalar>(), dy.data_ptr<Scalar>(), shape, of, rounded.data_ptr<Scalar>(),
                                 sum.data(), products.data());
            torch::Tensor y = torch::empty_like(x);
            kernel.forward(x.data_ptr<Scalar>(), shape, of, y.data_ptr<Scalar>());
            const torch::Tensor wide = x.to(torch::kFloat64), expected = (x * scale + shift);
            const torch::Tensor g = (dy * ((expected > 0) & (expected < 6))).to(torch::kFloat64);
            const auto expect_close = [&](std::vector<double>& ours, const torch::Tensor& theirs, const char* what) {
                const torch::Tensor difference =
                    torch::from_blob(ours.data(), {shape.channels}, torch::kFloat64) - theirs;
                EXPECT_LT(difference.abs().max().template item<double>(),
                          tolerance * std::max(1.0, static_cast<double>(shape.rows)))
                    << kernel.instruction_set << " " << what << " of " << shape.rows << " x " << shape.channels;
            };
            expect_close(mean, wide.mean(0), "mean");
            expect_close(variance, wide.var(0, false), "variance");
            expect_close(sum, g.sum(0), "sum");
            expect_close(products, (g * (wide - rounded)).sum(0), "products");
            EXPECT_LT((y - expected.clamp(0, 6)).abs().max().template item<double>(), tolerance * 10);
        }
    }
}

}  // namespace
}  // namespace thaw
