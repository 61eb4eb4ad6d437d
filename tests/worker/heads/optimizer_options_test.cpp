// Heads by every optimizer in Keras' and PyTorch's style with every option, against Keras and torch.optim themselves.
#include "tests/worker/heads/optimizer_options.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/worker/heads/small_head.hpp"
#include "worker/heads/head_model.hpp"

namespace thaw {
namespace {

using namespace small_head;

TEST(OptimizerOptions, TenStepsOfEveryOneEqualKerasAndPytorch) {
    const std::vector<float> values = features();
    const std::vector<OptionsCase> cases = optimizer_options();
    ASSERT_EQ(cases.size(), 120u);
    for (const auto& kernel : usable_head_kernels<double>())
        for (const OptionsCase& golden : cases) {
            SCOPED_TRACE(testing::Message() << kernel.instruction_set << " " << optimizer_name(golden.optimizer));
            Trial options = trial();
            options.optimizer = golden.optimizer;
            HeadModel<double> head(options, {values.data(), kInputs, nullptr}, kClasses, kernel);
            double loss = 0;
            for (int step = 0; step < kGoldenSteps; ++step) {
                if (step == kRateChanges) head.set_learning_rate(kLaterRate);
                const auto rows = rows_of(kBatch * step);
                loss = head.train_batch(rows, labels_of(rows), 1).loss / kBatch;
            }
            EXPECT_NEAR(loss, golden.loss, golden.tolerance());
            const std::vector<double> parameters = head.parameters();
            ASSERT_EQ(parameters.size(), golden.parameters.size());
            for (std::size_t i = 0; i < parameters.size(); ++i)
                ASSERT_NEAR(parameters[i], golden.parameters[i], golden.tolerance()) << i;
        }
}

TEST(OptimizerOptions, EveryOptimizerOfTheTableHasItsGoldenSteps) {
    const std::vector<OptionsCase> cases = optimizer_options();
    for (const OptimizerRow& row : kOptimizers)
        for (const auto& [style, name] : names_of(OptimizerStyle{}))
            EXPECT_TRUE(std::any_of(cases.begin(), cases.end(),
                                    [&, of = style](const OptionsCase& golden) {
                                        return golden.optimizer == usual_optimizer(row.kind, of);
                                    }))
                << row.name << " as " << name << " has it";
}

/// Clipping needs all gradients before the first step, and so another path: where it clips nothing, both end alike.
TEST(OptimizerOptions, ClippingThatClipsNothingChangesNothing) {
    const std::vector<float> values = features();
    const auto trained = [&](const Optimizer& optimizer) {
        Trial options = trial({17, 5}, 0.3);
        options.optimizer = optimizer;
        HeadModel<float> head(options, {values.data(), kInputs, nullptr}, kClasses);
        for (int step = 0; step < kGoldenSteps; ++step) {
            const auto rows = rows_of(kBatch * step);
            head.train_batch(rows, labels_of(rows), 1);
        }
        return head.state();
    };
    for (const OptimizerRow& row : kOptimizers) {
        const Optimizer plain{.kind = row.kind};
        for (double Optimizer::*option : {&Optimizer::clipnorm, &Optimizer::global_clipnorm, &Optimizer::clipvalue}) {
            Optimizer clipping = plain;
            clipping.*option = 1e6;
            EXPECT_EQ(trained(clipping), trained(plain)) << optimizer_name(clipping);
        }
    }
}

}  // namespace
}  // namespace thaw
