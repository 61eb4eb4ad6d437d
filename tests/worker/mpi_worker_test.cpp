// Groups of MPI ranks that work on many stages, each ordered when the first rank tells that the one before is done.
// THAW_GROUP_STAGES says how many (default 200).
#include <mpi.h>

#include <cstdlib>
#include <numeric>
#include <thread>

#include "common/mpi/mpi_world.hpp"
#include "tests/worker/group_orders.hpp"
#include "worker/worker.hpp"

namespace thaw {
namespace {

TEST(MpiWorker, RunsManyStagesOfGroupsThatShareRanks) {
    const char* wanted = std::getenv("THAW_GROUP_STAGES");
    ChannelEnds ends = make_mpi_channel();
    ServeOptions options;
    options.make_group = [](const std::vector<int>& ranks) { return make_mpi_communicator(ranks); };
    std::jthread coordinator([&] {
        if (!ends.coordinator) return;
        std::vector<int> everyone(static_cast<std::size_t>(ends.coordinator->size()));
        std::iota(everyone.begin(), everyone.end(), 0);
        std::vector<std::vector<int>> groups = {everyone, everyone, everyone};
        if (everyone.size() > 2) groups.insert(groups.end(), {{0, 1}, {1, 2, 3}, {0, 1}, {0, 3}});
        GroupOrders().run(*ends.coordinator, groups, wanted ? std::atoi(wanted) : 200, std::chrono::minutes(2));
    });
    serve(*ends.workers[0], options);
}

}  // namespace
}  // namespace thaw
