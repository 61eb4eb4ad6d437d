// Trains a classifier head alone, from cached feature vectors: dense layers by BLAS on one thread, no framework.
#pragma once

#include <vector>

#include "worker/train/head_layout.hpp"
#include "worker/train/optimizer.hpp"
#include "worker/train/trajectory.hpp"

namespace thaw {

/// The arithmetic of one head depends on nothing but its trial and features: not on threads, nor on other heads.
/// Scalar: float, or double in tests.
template <typename Scalar>
class HeadModel : public Model {
  public:
    /// `features` [rows, inputs] must outlive the model.
    HeadModel(const Trial& trial, const float* features, int inputs, int classes);

    BatchSums train_batch(std::span<const int> rows, std::span<const int> labels, int epoch) override;
    BatchSums evaluate(std::span<const int> rows, std::span<const int> labels) override;

    const HeadLayout& layout() const { return layout_; }
    const std::vector<Scalar>& parameters() const { return parameters_; }
    /// Of the last train_batch.
    const std::vector<Scalar>& gradients() const { return gradients_; }

  private:
    void resize_buffers(int batch);
    void gather(std::span<const int> rows);
    /// Fills activations_; with `epoch` > 0 hidden layers are masked by that epoch's dropout.
    void forward(std::span<const int> rows, int epoch);
    /// Loss and accuracy of the logits; with `gradient`, deltas_.back() becomes d(mean loss)/d(logits).
    BatchSums loss(std::span<const int> labels, bool gradient);
    void backward(int batch);

    Trial trial_;
    const float* features_;
    HeadLayout layout_;
    std::vector<Scalar> parameters_, gradients_;
    FlatOptimizer<Scalar> optimizer_;
    // One a layer, [batch, width]: activations_[0] is the input, activations_[l+1] what layer l gives after ReLU and
    // dropout (the last: logits); masks_[l] holds d(activations_[l+1])/d(layer l's linear output).
    std::vector<std::vector<Scalar>> activations_, masks_, deltas_;
};

}  // namespace thaw
