// Gradients that are made shorter before a step, where a sweep limits their norm (clipnorm, global_clipnorm).
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "worker/heads/head_kernel.hpp"

namespace thaw {

/// `tensors`: the gradients of each parameter tensor. Norms are sums in double, in the tensors' order, so that they are
/// the same wherever the gradients are.
template <typename Scalar>
void clip_by_norm(const Optimizer& options, std::span<const std::span<Scalar>> tensors) {
    double all_squares = 0;
    const auto shorten = [&](std::span<Scalar> tensor, double most, double squares) {
        const auto factor = static_cast<Scalar>(clipping_factor(options, most, std::sqrt(squares)));
        for (Scalar& gradient : tensor) gradient *= factor;
    };
    for (const std::span<Scalar> tensor : tensors) {
        double squares = 0;
        for (const Scalar gradient : tensor) squares += static_cast<double>(gradient) * static_cast<double>(gradient);
        all_squares += squares;
        if (options.clipnorm > 0) shorten(tensor, options.clipnorm, squares);
    }
    if (options.global_clipnorm <= 0) return;
    for (const std::span<Scalar> tensor : tensors) shorten(tensor, options.global_clipnorm, all_squares);
}

}  // namespace thaw
