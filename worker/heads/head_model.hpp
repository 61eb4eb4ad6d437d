// Trains a classifier head alone, from cached feature vectors, by the head kernel on one thread: no framework.
#pragma once

#include <array>
#include <vector>

#include "worker/heads/head_kernel.hpp"
#include "worker/heads/head_layout.hpp"
#include "worker/heads/trajectory.hpp"

namespace thaw {

/// The arithmetic of one head depends on nothing but its trial, its features and the CPU: not on threads, nor on other
/// heads. Scalar: float, or double in tests.
template <typename Scalar>
class HeadModel : public Model {
  public:
    /// What `features` shows must outlive the model. `kernel` is for tests.
    HeadModel(const Trial& trial, Rows<float> features, const TargetClasses& classes,
              const HeadKernel<Scalar>& kernel = best_head_kernel<Scalar>());
    HeadModel(const HeadModel&) = delete;  // packed_ points into state_
    HeadModel& operator=(const HeadModel&) = delete;

    void set_learning_rate(double rate) override { learning_rate_ = rate; }
    BatchSums train_batch(std::span<const int> rows, std::span<const int> labels, int epoch) override;
    BatchSums evaluate(std::span<const int> rows, std::span<const int> labels) override;
    std::string state() const override;
    void restore(std::string_view state) override;
    TensorMap tensors() const override;
    void load(const TensorMap& tensors) override;
    std::vector<double> logits(std::span<const int> rows) override;
    std::string parameters_hash() const override;

    const HeadLayout& layout() const { return layout_; }
    /// In layout()'s order.
    std::vector<Scalar> parameters() const { return unpacked(state_[0]); }

  private:
    /// Lies on a cache line of its own, as a row of a panel does then.
    struct alignas(64) Line {
        std::array<Scalar, 64 / sizeof(Scalar)> values;
    };
    using Lines = std::vector<Line>;
    static Scalar* data(Lines& lines) { return lines.empty() ? nullptr : lines.front().values.data(); }

    /// Calls visit(index in layout()'s order, index in the packed order) for every parameter.
    template <typename Visit>
    void for_each_parameter(const Visit& visit) const;
    std::vector<Scalar> unpacked(const Lines& packed) const;
    void pack(const Scalar* from, Lines& packed) const;
    std::vector<std::size_t> state_bytes() const;

    /// How many outputs of layer l there are with those that only fill its last panel.
    std::size_t padded(std::size_t l) const { return static_cast<std::size_t>(packed_[l].panels * kernel_.panel); }
    /// Points inputs_[0] to the rows' features and makes room for `rows` rows in the other arrays.
    void begin_batch(std::span<const int> rows);
    /// Fills activations_; with `epoch` > 0 hidden layers are masked by that epoch's dropout.
    void forward(std::span<const int> rows, int epoch);
    /// Activation and dropout, in place of layer l's linear output.
    void activate(std::size_t l, std::span<const int> rows, int epoch);
    /// The logits of all classes for a row of the batch.
    const Scalar* class_logits(std::size_t row);
    /// Loss and accuracy of the logits; with `gradient` classes have their weights, and deltas_.back() becomes
    /// d(mean loss)/d(the last layer's outputs).
    BatchSums loss(std::span<const int> labels, bool gradient);
    /// From deltas_.back() down, an optimizer step of every layer.
    void backward(int batch);
    /// deltas_[l - 1] of deltas_[l].
    void backward_through(std::size_t l, int batch);
    /// The same where gradients are clipped by a norm: all of them come before the first step.
    void backward_clipped(int batch);

    Trial trial_;
    Rows<float> features_;
    TargetClasses classes_;
    HeadLayout layout_;
    const HeadKernel<Scalar>& kernel_;
    double learning_rate_;
    long steps_ = 0;
    std::array<Lines, 3> state_;               // parameters and the optimizer's moments, packed layer by layer
    std::vector<PackedLayer<Scalar>> packed_;  // where each layer lies in state_
    // One a layer, [batch, padded(l)]: activations_[l] is what layer l gives after activation and dropout (the last:
    // logits); masks_[l] holds d(activations_[l])/d(layer l's linear output); deltas_[l] d(loss)/d(layer l's linear
    // output).
    std::vector<std::vector<Scalar>> activations_, masks_, deltas_;
    std::vector<std::vector<const Scalar*>> inputs_;  // of each layer, its input's rows
    std::vector<Scalar> converted_;                   // the batch's features, where Scalar is not float
    std::vector<double> exponentials_;
    std::array<Scalar, 2> pair_{};  // class_logits of a binary loss
    Lines gradients_;               // packed as state_; where they are clipped by a norm
};

}  // namespace thaw
