// The contract of Channel, kept by MPI; ctest runs it with 1, 2 and 4 ranks.
#include <thread>

#include "common/mpi/mpi_world.hpp"
#include "tests/common/trial/channel_contract.hpp"

namespace thaw {
namespace {

TEST(MpiChannel, KeepsTheContract) {
    ChannelEnds ends = make_mpi_channel();
    ASSERT_EQ(ends.workers.size(), 1U);
    std::thread worker([&] { contract::echo_until_stopped(*ends.workers[0]); });
    if (ends.coordinator) contract::messages_arrive_whole_in_order_and_at_the_right_party(*ends.coordinator);
    worker.join();
    if (ends.coordinator) contract::silence_is_no_message(*ends.coordinator);
}

}  // namespace
}  // namespace thaw
