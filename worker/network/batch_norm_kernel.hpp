// Batch normalization of a batch with the activation behind it, forward and backward, on one thread: each pass goes
// through the maps once. Compiled for several instruction sets; the best one that the CPU has is chosen when the
// program runs.
#pragma once

#include <cstdint>
#include <vector>

namespace thaw {

/// Maps in channels-last order: [rows, channels], a row a pixel of an image.
struct MapShape {
    std::int64_t rows = 0;
    int channels = 0;
};

/// What comes of the normalized value x * scale + shift: it is kept within [low, high].
template <typename Scalar>
struct ScaleAndClamp {
    const Scalar *scale, *shift;  // by channel
    Scalar low, high;             // infinite: no activation
};

template <typename Scalar>
struct BatchNormKernel {
    const char* instruction_set;
    /// By channel, the mean and the mean squared distance from it.
    void (*statistics)(const Scalar* x, MapShape shape, double* mean, double* variance);
    void (*forward)(const Scalar* x, MapShape shape, const ScaleAndClamp<Scalar>& of, Scalar* y);
    /// By channel, sums of g and of g * (x - mean), where g is d(loss)/d(y) within the clamp's bounds and 0 elsewhere.
    void (*backward_sums)(const Scalar* x, const Scalar* dy, MapShape shape, const ScaleAndClamp<Scalar>& of,
                          const Scalar* mean, double* sum, double* sum_of_products);
    /// d(loss)/d(x) = a * g + b * (x - mean) + c, by channel.
    void (*backward)(const Scalar* x, const Scalar* dy, MapShape shape, const ScaleAndClamp<Scalar>& of,
                     const Scalar* mean, const Scalar* a, const Scalar* b, const Scalar* c, Scalar* dx);
};

/// Those that this CPU can run, the best one first. Scalar: float or double.
template <typename Scalar>
const std::vector<BatchNormKernel<Scalar>>& usable_batch_norm_kernels();

}  // namespace thaw
