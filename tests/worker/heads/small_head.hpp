// A small head and its data, the same as tests/parity/keras_optimizers.py trains.
#pragma once

#include <vector>

#include "common/trial/trial.hpp"
#include "tests/support/uniform_within.hpp"

namespace thaw::small_head {

constexpr int kInputs = 6, kClasses = 3, kRows = 20, kBatch = 8;

inline std::vector<float> features() {
    return uniform_within("features", kRows * kInputs, -1, 1);
}

inline std::vector<int> rows_of(int from, int count = kBatch) {
    std::vector<int> rows;
    for (int i = 0; i < count; ++i) rows.push_back((from + i) % kRows);
    return rows;
}

inline std::vector<int> labels_of(const std::vector<int>& rows) {
    std::vector<int> labels;
    for (const int row : rows) labels.push_back(row % kClasses);
    return labels;
}

inline Trial trial(const std::vector<int>& widths = {4}, double dropout = 0) {
    Trial result;
    result.head.widths = widths;
    result.dropout.assign(widths.size(), dropout);
    result.learning_rate = 0.05;
    result.batch_size = kBatch;
    result.epochs = 3;
    return result;
}

/// The trial by plain gradient descent with a rate of 1: what a step takes off the parameters is the gradient.
inline Trial descending(Trial trial) {
    trial.optimizer = {.kind = OptimizerKind::sgd};
    trial.learning_rate = 1;
    return trial;
}

/// The gradient by which a head of a descending() trial steps on this batch.
template <typename Head>
auto gradient_of_step(Head& head, const std::vector<int>& rows, int epoch = 1) {
    auto gradient = head.parameters();
    head.train_batch(rows, labels_of(rows), epoch);
    const auto after = head.parameters();
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] -= after[i];
    return gradient;
}

}  // namespace thaw::small_head
