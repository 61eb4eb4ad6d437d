#include "worker/network/batch_norm_kernel.hpp"

#include "common/util/instruction_sets.hpp"

namespace thaw {

// CMakeLists.txt compiles batch_norm_code.cpp into each of these namespaces.
#define THAW_BATCH_NORM_IN(instruction_set)              \
    namespace instruction_set {                          \
    extern const BatchNormKernel<float> norm_in_float;   \
    extern const BatchNormKernel<double> norm_in_double; \
    }
THAW_BATCH_NORM_IN(avx512)
THAW_BATCH_NORM_IN(avx2)
THAW_BATCH_NORM_IN(baseline)
#undef THAW_BATCH_NORM_IN

template <>
const std::vector<BatchNormKernel<float>>& usable_batch_norm_kernels() {
    static const auto kernels = usable_kernels(avx512::norm_in_float, avx2::norm_in_float, baseline::norm_in_float);
    return kernels;
}

template <>
const std::vector<BatchNormKernel<double>>& usable_batch_norm_kernels() {
    static const auto kernels = usable_kernels(avx512::norm_in_double, avx2::norm_in_double, baseline::norm_in_double);
    return kernels;
}

}  // namespace thaw
