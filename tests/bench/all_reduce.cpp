// The all-reduce of a group beside a plain MPI_Allreduce of the same floats, in one run:
//   mpirun -n RANKS all_reduce
// The bandwidth is 4 bytes of a value by the time until all have its sum (osu_allreduce's own measure is that time).
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

#include "worker/communicator/communicator.hpp"

namespace thaw {
namespace {

/// The quickest of several rounds of `repetitions`, in seconds for one.
double seconds_of(const std::function<void()>& sum, int repetitions) {
    double best = 1e9;
    for (int round = 0; round < 7; ++round) {
        MPI_Barrier(MPI_COMM_WORLD);
        const double start = MPI_Wtime();
        for (int i = 0; i < repetitions; ++i) sum();
        double seconds = (MPI_Wtime() - start) / repetitions;
        MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
        best = std::min(best, seconds);
    }
    return best;
}

void compare() {
    int rank = 0, size = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    std::vector<int> all(static_cast<std::size_t>(size));
    std::iota(all.begin(), all.end(), 0);
    const auto group = make_mpi_communicator(all);
    if (rank == 0)
        fmt::print("{} ranks\n{:>10} {:>12} {:>12} {:>10} {:>10}\n", size, "bytes", "group, us", "MPI, us",
                   "group MB/s", "MPI MB/s");
    for (std::size_t bytes = 64; bytes <= std::size_t{64} << 20; bytes *= 8) {
        std::vector<float> values(bytes / sizeof(float), 1e-30F);
        const int repetitions = static_cast<int>(std::clamp<std::size_t>((std::size_t{16} << 20) / bytes, 1, 1000));
        const double own = seconds_of([&] { group->all_reduce_sum(std::span(values)); }, repetitions);
        const double plain = seconds_of(
            [&] {
                MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT, MPI_SUM,
                              MPI_COMM_WORLD);
            },
            repetitions);
        if (rank == 0)
            fmt::print("{:>10} {:>12.1f} {:>12.1f} {:>10.0f} {:>10.0f}\n", bytes, own * 1e6, plain * 1e6,
                       static_cast<double>(bytes) / own / 1e6, static_cast<double>(bytes) / plain / 1e6);
    }
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    thaw::compare();
    MPI_Finalize();
}
