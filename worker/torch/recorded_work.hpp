// Work on the GPU that is always the same: recorded once, with the memory it reads and writes, and launched as a whole.
#pragma once

#include <functional>
#include <memory>

namespace thaw {

/// What CUDA calls a graph: without it a small batch's time is that of launching kernels one by one.
class RecordedWork {
  public:
    virtual ~RecordedWork() = default;
    virtual void run() = 0;
};

/// Calls `work` some times to warm up and once to record; tensors that it makes and that are read later must be kept.
/// Null where this build has no CUDA.
std::unique_ptr<RecordedWork> record(const std::function<void()>& work);

/// Whether the GPU's arithmetic knows bfloat16.
bool gpu_has_bfloat16();

}  // namespace thaw
