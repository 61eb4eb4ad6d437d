// The all-reduce of a group beside a plain MPI_Allreduce of the same floats, in one run:
//   mpirun -n RANKS all_reduce [steps]
// With `steps`, 64 KiB between pieces of work, as a training's steps are: where other programs want the cores too, what
// counts is how a rank waits.
// The bandwidth is 4 bytes of a value by the time until all have its sum (osu_allreduce's own measure is that time).
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <string_view>
#include <vector>

#include "common/util/placement.hpp"
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

/// Of one step, in seconds: work on every rank, then a sum over all.
double seconds_of_step(int work, int steps, const std::function<void()>& sum) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    volatile double kept = 0;
    for (int step = 0; step < steps; ++step) {
        double value = kept;
        for (int i = 0; i < work; ++i) value = value * 1.0000001 + 1e-9;
        kept = value;
        sum();
    }
    return (MPI_Wtime() - start) / steps;
}

void compare_steps() {
    int rank = 0, size = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    std::vector<int> all(static_cast<std::size_t>(size));
    std::iota(all.begin(), all.end(), 0);
    ask_for_short_turns();
    const auto group = make_mpi_communicator(all);
    std::vector<float> values(std::size_t{16} << 10, 1e-30F);
    if (rank == 0) fmt::print("{} ranks\n{:>12} {:>12} {:>12}\n", size, "work alone", "group, us", "MPI, us");
    for (const int work : {20'000, 200'000, 2'000'000}) {
        const int steps = 200'000'000 / work;
        const double alone = seconds_of_step(work, steps, [] {});
        const double own = seconds_of_step(work, steps, [&] { group->all_reduce_sum(std::span(values)); });
        const double plain = seconds_of_step(work, steps, [&] {
            MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT, MPI_SUM,
                          MPI_COMM_WORLD);
        });
        if (rank == 0) fmt::print("{:>12.0f} {:>12.0f} {:>12.0f}\n", alone * 1e6, own * 1e6, plain * 1e6);
    }
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    if (argc > 1 && std::string_view(argv[1]) == "steps")
        thaw::compare_steps();
    else
        thaw::compare();
    MPI_Finalize();
}
