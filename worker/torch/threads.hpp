// Threads of a rank: independent pieces of work run one a thread, and nothing inside a piece starts more.
#pragma once

#include <string>

namespace thaw {

/// Tells LibTorch, OpenMP and BLAS that the calling thread is all there is for what it calls. To be called at the
/// beginning of every thread that computes: OpenMP keeps the number per thread. Also makes denormal numbers zero there
/// (optimizers' moments decay into them, and arithmetic on them is tens of times slower).
void compute_on_one_thread();

/// The same for the calling thread alone, which has so many threads to itself: what it calls may use them.
void compute_on_threads(int threads);

/// Once, before any work: the same for the process, and an allocator that keeps large blocks (giving them back at once,
/// glibc's default, costs a tenth to a third of the time in page faults).
void prepare_process();

struct BlasInfo {
    std::string name;   // "OpenBLAS 0.3.21 ... " or the library's file name
    double gflops = 0;  // of a 256 x 256 x 256 product in float32 on one thread, measured
    bool slow() const { return gflops < 5; }
};
/// Which BLAS LibTorch's matrix products run on, and how fast it is.
BlasInfo inspect_blas();

}  // namespace thaw
