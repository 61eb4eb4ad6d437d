// Rounds an array of floats on the GPU to bfloat16 and back, for sums that travel at half the bytes.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

namespace thaw {

/// `bucket` holds `count` bfloat16 values; all memory is the GPU's.
void pack_bf16(const float* values, void* bucket, std::size_t count, cudaStream_t stream);
void unpack_bf16(const void* bucket, float* values, std::size_t count, cudaStream_t stream);

}  // namespace thaw
