// A small head and its data, the same as tests/parity/keras_optimizers.py trains.
#pragma once

#include <vector>

#include "common/trial.hpp"
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

}  // namespace thaw::small_head
