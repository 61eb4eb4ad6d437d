// The arithmetic of dense layers and optimizers on one thread, compiled for several instruction sets; the best one
// that the CPU has is chosen when the program runs.
#pragma once

#include <cstddef>
#include <vector>

#include "common/trial/trial.hpp"

namespace thaw {

/// A dense layer as the kernel keeps it: outputs in panels of HeadKernel::panel, zeros after the last; in a panel one
/// row an input and, behind them, the biases' (the weight of an input that is always 1): [panels][inputs + 1][panel].
/// Its moments are packed alike; null where the optimizer keeps none.
template <typename Scalar>
struct PackedLayer {
    int inputs = 0, panels = 0;
    Scalar *weights = nullptr, *first = nullptr, *second = nullptr;
};

/// One step of an optimizer: the `number`-th, from 1. Clipping by a norm is its caller's.
struct OptimizerStep {
    const Optimizer& options;
    double learning_rate;
    long number;
};

/// Matrices of outputs are [rows, panels * panel]. What becomes of a row never depends on the others' number.
template <typename Scalar>
struct HeadKernel {
    const char* instruction_set;
    int panel;  // outputs packed side by side
    /// y = weights * x + bias.
    void (*forward)(const PackedLayer<Scalar>& layer, const Scalar* const* x, int rows, Scalar* y);
    /// d(loss)/d(x) out of d(loss)/d(y); the result is [rows, stride].
    void (*input_gradient)(const PackedLayer<Scalar>& layer, const Scalar* delta, int rows, Scalar* below, int stride);
    /// An optimizer step of the layer on d(loss)/d(y). Each weight's gradient exists for a moment in the nearest cache,
    /// so that a step reads and writes weights and moments once and nothing else.
    void (*train)(const PackedLayer<Scalar>& layer, const Scalar* const* x, const Scalar* delta, int rows,
                  const OptimizerStep& step);
    /// The gradients alone, packed as the layer's weights are: for who must know all of them before a step.
    void (*gradients)(const PackedLayer<Scalar>& layer, const Scalar* const* x, const Scalar* delta, int rows,
                      Scalar* packed);
    /// An optimizer step on parameters whose gradients are given.
    void (*update)(const OptimizerStep& step, std::size_t count, const Scalar* gradients, Scalar* parameters,
                   Scalar* first, Scalar* second);
};

/// Those that this CPU can run, the best one first. Scalar: float or double.
template <typename Scalar>
const std::vector<HeadKernel<Scalar>>& usable_head_kernels();

template <typename Scalar>
const HeadKernel<Scalar>& best_head_kernel() {
    return usable_head_kernels<Scalar>().front();
}

/// Whether gradients are clipped by a norm, so that all of a tensor's must be known before its first step.
inline bool clips_by_norm(const Optimizer& options) {
    return options.clipnorm > 0 || options.global_clipnorm > 0;
}

/// What gradients of this norm are multiplied with, where they may be no longer than `most`.
double clipping_factor(const Optimizer& options, double most, double norm);

}  // namespace thaw
