// RecordedWork by a CUDA graph.
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>

#include "worker/torch/device.hpp"
#include "worker/torch/recorded_work.hpp"

namespace thaw {
namespace {

class CudaGraph : public RecordedWork {
  public:
    explicit CudaGraph(const std::function<void()>& work) {
        const c10::cuda::CUDAGuard device(static_cast<c10::DeviceIndex>(gpu_index()));
        const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
        c10::cuda::device_synchronize();  // what the work reads may still be on its way
        const c10::cuda::CUDAStreamGuard guard(stream);
        for (int i = 0; i < 3; ++i) work();  // libraries choose kernels and take memory
        stream.synchronize();
        graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);  // other threads go on
        work();
        graph_.capture_end();
    }
    void run() override { graph_.replay(); }

  private:
    at::cuda::CUDAGraph graph_;
};

}  // namespace

std::unique_ptr<RecordedWork> record(const std::function<void()>& work) {
    return std::make_unique<CudaGraph>(work);
}

bool gpu_has_bfloat16() {
    return at::cuda::getCurrentDeviceProperties()->major >= 8;
}

}  // namespace thaw
