#include "common/mpi/host_ranks.hpp"

#include <mpi.h>

#include <numeric>

namespace thaw {

std::vector<std::vector<int>> gather_on_host(const std::vector<int>& numbers, int& self) {
    MPI_Comm host;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    int ranks = 0;
    MPI_Comm_rank(host, &self);
    MPI_Comm_size(host, &ranks);
    const int count = static_cast<int>(numbers.size());
    std::vector<int> counts(static_cast<std::size_t>(ranks)), starts(counts.size());
    MPI_Allgather(&count, 1, MPI_INT, counts.data(), 1, MPI_INT, host);
    std::exclusive_scan(counts.begin(), counts.end(), starts.begin(), 0);
    std::vector<int> all(static_cast<std::size_t>(starts.back() + counts.back()));
    MPI_Allgatherv(numbers.data(), count, MPI_INT, all.data(), counts.data(), starts.data(), MPI_INT, host);
    MPI_Comm_free(&host);
    std::vector<std::vector<int>> gathered;
    for (std::size_t rank = 0; rank < counts.size(); ++rank)
        gathered.emplace_back(all.begin() + starts[rank], all.begin() + starts[rank] + counts[rank]);
    return gathered;
}

}  // namespace thaw
