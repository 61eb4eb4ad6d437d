// The epoch loop that every trajectory goes through, whatever trains in it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "common/message.hpp"
#include "common/trial.hpp"

namespace thaw {

/// Images of one part (train or validation) by their row in the arrays, with labels.
struct Samples {
    std::vector<int> rows, labels;
    int size() const { return static_cast<int>(rows.size()); }
};

/// Sums over the images of a batch.
struct BatchSums {
    double loss = 0;
    int correct = 0;
};

/// What a trajectory trains: a head alone, or a tail with its head.
class Model {
  public:
    virtual ~Model() = default;
    /// One optimizer step on the mean loss of the batch; sums as they are before the step, with dropout.
    virtual BatchSums train_batch(std::span<const int> rows, std::span<const int> labels, int epoch) = 0;
    /// Sums in inference mode. Any number of rows; how they are batched inside does not depend on the caller.
    virtual BatchSums evaluate(std::span<const int> rows, std::span<const int> labels) = 0;
};

/// Trains from epoch 1 to trial.epochs, calling `on_epoch` after each. Each epoch sees the training images once, in an
/// order that depends on (seed, epoch) alone; the last batch may be smaller. Returns early when `stop` is requested.
/// Throws StageError when a loss is not finite.
void train_trajectory(Model& model, const Trial& trial, const Samples& train, const Samples& validation,
                      const std::function<void(const EpochMetrics&)>& on_epoch, const std::stop_token& stop = {});

}  // namespace thaw
