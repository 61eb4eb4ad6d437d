// In the place of cuda_work.cpp where LibTorch has no CUDA.
#include "worker/torch/recorded_work.hpp"

namespace thaw {

std::unique_ptr<RecordedWork> record(const std::function<void()>&) {
    return nullptr;
}

bool gpu_has_bfloat16() {
    return false;
}

}  // namespace thaw
