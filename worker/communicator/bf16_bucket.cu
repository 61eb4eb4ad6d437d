#include <cuda_bf16.h>

#include "worker/communicator/bf16_bucket.hpp"

namespace thaw {
namespace {

constexpr unsigned kThreads = 256;

__global__ void pack(const float* values, __nv_bfloat16* bucket, std::size_t count) {
    const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (i < count) bucket[i] = __float2bfloat16_rn(values[i]);
}

__global__ void unpack(const __nv_bfloat16* bucket, float* values, std::size_t count) {
    const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (i < count) values[i] = __bfloat162float(bucket[i]);
}

unsigned blocks(std::size_t count) {
    return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

}  // namespace

void pack_bf16(const float* values, void* bucket, std::size_t count, cudaStream_t stream) {
    pack<<<blocks(count), kThreads, 0, stream>>>(values, static_cast<__nv_bfloat16*>(bucket), count);
}

void unpack_bf16(const void* bucket, float* values, std::size_t count, cudaStream_t stream) {
    unpack<<<blocks(count), kThreads, 0, stream>>>(static_cast<const __nv_bfloat16*>(bucket), values, count);
}

}  // namespace thaw
