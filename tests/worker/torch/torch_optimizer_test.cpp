// TorchOptimizer, which GPUs train with, against FlatOptimizer on the same numbers.
#include "worker/torch/torch_optimizer.hpp"

#include <gtest/gtest.h>

#include "common/util/error.hpp"
#include "tests/worker/heads/optimizer_options.hpp"
#include "worker/heads/optimizer.hpp"

namespace thaw {
namespace {

std::vector<Optimizer> optimizers() {
    std::vector<Optimizer> all(6);
    all[1].kind = all[2].kind = all[3].kind = OptimizerKind::sgd;
    all[2].momentum = all[3].momentum = 0.9;
    all[3].nesterov = true;
    all[4].kind = all[5].kind = OptimizerKind::rmsprop;
    all[5].momentum = 0.5;
    for (const OptionsCase& golden : optimizer_options()) all.push_back(golden.optimizer);
    return all;
}

constexpr std::int64_t kParameters = 1000;
const std::vector<std::size_t> kTensorSizes = {600, 390, 10};
constexpr double kRate = 0.01;

torch::Tensor random(torch::ScalarType type) {
    return torch::randn({kParameters}, type);
}

template <typename Scalar>
void takes_the_steps_of_flat_optimizer(const Optimizer& options, double tolerance) {
    torch::manual_seed(1);
    torch::Tensor ours = random(torch::CppTypeToScalarType<Scalar>()), theirs = ours.clone();
    const torch::Tensor start = ours.clone();
    TorchOptimizer optimizer(options, kRate, kTensorSizes, ours);
    FlatOptimizer<Scalar> reference(options, kRate, kTensorSizes);
    for (int step = 0; step < 20; ++step) {
        if (step == 10) optimizer.restore(reference.state());  // what one has written the other goes on from
        torch::Tensor gradients = random(ours.scalar_type());
        if (step % 3 == 0) gradients.slice(0, 0, 10).zero_();
        if (step == 15) {
            optimizer.set_learning_rate(kRate / 3);
            reference.set_learning_rate(kRate / 3);
        }
        optimizer.step(ours, gradients);
        reference.step(theirs.data_ptr<Scalar>(), gradients.data_ptr<Scalar>());
    }
    const double moved = (theirs - start).abs().max().template item<double>();
    EXPECT_GT(moved, 5e-4);  // clipping makes the smallest steps
    EXPECT_LE((ours - theirs).abs().max().template item<double>(),
              tolerance * theirs.abs().max().template item<double>());
    EXPECT_EQ(optimizer.state().size(), reference.state().size());
}

TEST(TorchOptimizer, TakesTheStepsOfFlatOptimizer) {
    for (const Optimizer& options : optimizers()) {
        SCOPED_TRACE(optimizer_name(options));
        takes_the_steps_of_flat_optimizer<float>(options, 1e-6);
        takes_the_steps_of_flat_optimizer<double>(options, 1e-12);
    }
}

TEST(TorchOptimizer, GoesOnBitForBitFromItsState) {
    for (const Optimizer& options : optimizers()) {
        torch::Tensor first = random(torch::kFloat32), second = first.clone();
        const torch::Tensor gradients = random(torch::kFloat32);
        TorchOptimizer whole(options, kRate, kTensorSizes, first), begun(options, kRate, kTensorSizes, second),
            resumed(options, kRate, kTensorSizes, second);
        whole.step(first, gradients);
        begun.step(second, gradients);
        resumed.restore(begun.state());
        whole.step(first, gradients);
        resumed.step(second, gradients);
        EXPECT_TRUE(first.equal(second));
    }
}

TEST(TorchOptimizer, RefusesTheStateOfAnother) {
    const torch::Tensor parameters = random(torch::kFloat32);
    TorchOptimizer adam(optimizers()[0], kRate, kTensorSizes, parameters),
        sgd(optimizers()[1], kRate, kTensorSizes, parameters);
    const std::string before = adam.state();
    EXPECT_THROW(adam.restore(sgd.state()), StageError);
    EXPECT_EQ(adam.state(), before);
}

}  // namespace
}  // namespace thaw
