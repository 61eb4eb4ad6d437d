#include "worker/torch/device.hpp"

#include <torch/torch.h>

#include "common/util/error.hpp"

namespace thaw {
namespace {

int chosen_gpu = -1;  // none

}  // namespace

void choose_device(const std::string& wanted, int local_rank) {
    if (wanted != "auto" && wanted != "cpu" && wanted != "cuda")
        throw UserError("unknown device '{}'; there are auto, cpu and cuda", wanted);
    const auto gpus = static_cast<int>(torch::cuda::device_count());
    if (wanted == "cuda" && gpus == 0)
        throw UserError(
            "device cuda: this machine shows no GPU, or this thaw was built without CUDA; choose --device cpu, or "
            "leave "
            "it out to take what there is");
    chosen_gpu = wanted == "cpu" || gpus == 0 ? -1 : local_rank % gpus;
}

bool on_gpu() {
    return chosen_gpu >= 0;
}

int gpu_index() {
    return chosen_gpu;
}

std::string device_name() {
    return on_gpu() ? fmt::format("cuda:{}", chosen_gpu) : "cpu";
}

}  // namespace thaw
