#include "worker/heads/head_kernel.hpp"

#include <algorithm>

#include "common/util/instruction_sets.hpp"

namespace thaw {

// CMakeLists.txt compiles head_kernel_code.cpp into each of these namespaces.
namespace avx512 {
extern const HeadKernel<float> in_float;
extern const HeadKernel<double> in_double;
}  // namespace avx512
namespace avx2 {
extern const HeadKernel<float> in_float;
extern const HeadKernel<double> in_double;
}  // namespace avx2
namespace baseline {
extern const HeadKernel<float> in_float;
extern const HeadKernel<double> in_double;
}  // namespace baseline

template <>
const std::vector<HeadKernel<float>>& usable_head_kernels() {
    static const auto kernels = usable_kernels(avx512::in_float, avx2::in_float, baseline::in_float);
    return kernels;
}

template <>
const std::vector<HeadKernel<double>>& usable_head_kernels() {
    static const auto kernels = usable_kernels(avx512::in_double, avx2::in_double, baseline::in_double);
    return kernels;
}

/// Keras' clip_by_norm, and PyTorch's clip_grad_norm_, which keeps a little distance from a division by 0.
double clipping_factor(const Optimizer& options, double most, double norm) {
    if (options.style == OptimizerStyle::pytorch) return std::min(most / (norm + 1e-6), 1.0);
    return most / std::max(norm, most);
}

}  // namespace thaw
