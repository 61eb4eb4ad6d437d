// Code that is compiled for several instruction sets (thaw_kernel() in CMakeLists.txt): which of it this CPU can run.
#pragma once

#include <vector>

namespace thaw {

/// Those of three versions of one kernel that this CPU can run, the best one first.
template <typename Kernel>
std::vector<Kernel> usable_kernels(const Kernel& for_avx512, const Kernel& for_avx2, const Kernel& for_all) {
    std::vector<Kernel> kernels;
    if (__builtin_cpu_supports("avx512f")) kernels.push_back(for_avx512);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) kernels.push_back(for_avx2);
    kernels.push_back(for_all);
    return kernels;
}

}  // namespace thaw
