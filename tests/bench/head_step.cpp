// Milliseconds a training step of a head alone takes, evaluation apart; printed for head_step.py to compare.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <numeric>

#include "common/util/random.hpp"
#include "worker/heads/head_model.hpp"

namespace {

constexpr int kRows = 667, kTrain = 534, kInputs = 1280, kClasses = 10, kBatch = 16;  // pokemon10's, MobileNetV2's

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Multiply-and-adds a second, in billions, of the kernel on what lies in the nearest cache: all but the CPU's limit.
double best_rate() {
    constexpr int kDepth = 128, kBlock = 12, kRepetitions = 1000;
    const auto& kernel = thaw::best_head_kernel<float>();
    const auto panel = static_cast<std::size_t>(kernel.panel);
    std::vector<float> weights((kDepth + 1) * panel, 0.5F), x(kDepth, 0.5F), y(kBlock * panel);
    const std::vector<const float*> rows(kBlock, x.data());
    double seconds = std::numeric_limits<double>::max();
    for (int attempt = 0; attempt < 20; ++attempt)
        seconds = std::min(
            seconds, seconds_of([&] {
                for (int i = 0; i < kRepetitions; ++i)
                    kernel.forward({kDepth, 1, weights.data(), nullptr, nullptr}, rows.data(), kBlock, y.data());
            }));
    return 1e-9 * kRepetitions * kBlock * kDepth * static_cast<double>(panel) / seconds;
}

void measure(const thaw::Trial& trial, const std::vector<float>& features, int epochs) {
    thaw::HeadModel<float> head(trial, {features.data(), kInputs, nullptr}, kClasses);
    std::vector<int> rows(kRows), labels(kRows);
    std::iota(rows.begin(), rows.end(), 0);
    for (int i = 0; i < kRows; ++i) labels[static_cast<std::size_t>(i)] = i % kClasses;
    const std::span<const int> all_rows(rows), all_labels(labels);
    double step_seconds = std::numeric_limits<double>::max(), evaluation_seconds = step_seconds;
    for (int epoch = 1; epoch <= epochs; ++epoch) {
        for (std::size_t at = 0; at + kBatch <= kTrain; at += kBatch)
            step_seconds =
                std::min(step_seconds, seconds_of([&] {
                             head.train_batch(all_rows.subspan(at, kBatch), all_labels.subspan(at, kBatch), epoch);
                         }));
        evaluation_seconds =
            std::min(evaluation_seconds,
                     seconds_of([&] { head.evaluate(all_rows.subspan(kTrain), all_labels.subspan(kTrain)); }));
    }
    std::printf("%s;%s;%zu;%.4f;%.4f\n", thaw::head_name(trial.head).c_str(),
                thaw::optimizer_name(trial.optimizer).c_str(), head.layout().parameters, 1e3 * step_seconds,
                1e3 * evaluation_seconds);
}

}  // namespace

int main(int argc, char** argv) {
    using enum thaw::OptimizerKind;
    const int epochs = argc > 1 ? std::atoi(argv[1]) : 30;
    const thaw::CounterRandom random(1, "features");
    std::vector<float> features(static_cast<std::size_t>(kRows * kInputs));
    for (std::size_t i = 0; i < features.size(); ++i) features[i] = static_cast<float>(random.uniform(i));
    std::printf("multiply_adds;%s;%.2f\n", thaw::best_head_kernel<float>().instruction_set, best_rate());
    std::puts("head;optimizer;parameters;step_ms;evaluation_ms");
    for (const thaw::Optimizer& optimizer : {thaw::Optimizer{.kind = adam}, thaw::Optimizer{.kind = rmsprop},
                                             thaw::Optimizer{.kind = sgd, .momentum = 0.9, .nesterov = true}})
        for (const std::vector<int>& widths : {std::vector<int>{}, {128}, {256}, {256, 128, 64}}) {
            thaw::Trial trial;
            trial.head.widths = widths;
            trial.dropout.assign(widths.size(), 0.5);
            trial.optimizer = optimizer;
            trial.learning_rate = 1e-4;
            measure(trial, features, epochs);
        }
}
