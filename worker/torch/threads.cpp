#include "worker/torch/threads.hpp"

#include <cblas.h>
#include <dlfcn.h>
#include <malloc.h>
#include <omp.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

namespace thaw {

void compute_on_one_thread() {
    omp_set_num_threads(1);
    torch::set_num_threads(1);
    at::globalContext().setFlushDenormal(true);
}

void compute_on_threads(int threads) {
    compute_on_one_thread();                // for others: LibTorch lets new threads inherit what it was told last,
    at::internal::lazy_init_num_threads();  // which is done with here,
    omp_set_num_threads(threads);           // and only this thread's number changes
}

void prepare_process() {
    compute_on_one_thread();
    openblas_set_num_threads(1);
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, -1);
}

BlasInfo inspect_blas() {
    BlasInfo info;
    Dl_info where;
    if (void* symbol = dlsym(RTLD_DEFAULT, "sgemm_"); symbol && dladdr(symbol, &where)) {
        std::error_code error;
        const auto file = std::filesystem::canonical(where.dli_fname, error);
        info.name = error ? where.dli_fname : file.filename().string();
        if (info.name.find("openblas") != std::string::npos) info.name = openblas_get_config();
    }
    constexpr int kSize = 256, kRepetitions = 8;
    const torch::InferenceMode inference;
    const torch::Tensor a = torch::ones({kSize, kSize}), b = torch::ones({kSize, kSize});
    torch::Tensor c = torch::mm(a, b);
    double best = 1e9;  // of several: the machine may be busy
    for (int i = 0; i < kRepetitions; ++i) {
        const auto start = std::chrono::steady_clock::now();
        torch::mm_out(c, a, b);
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    info.gflops = 2.0 * kSize * kSize * kSize / best / 1e9;
    return info;
}

}  // namespace thaw
