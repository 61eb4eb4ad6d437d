// The contract of Communicator, kept by threads of one process.
#include <thread>

#include "tests/worker/communicator/communicator_contract.hpp"

namespace thaw {
namespace {

class LocalCommunicator : public testing::TestWithParam<int> {};

TEST_P(LocalCommunicator, KeepsTheContract) {
    auto members = make_local_communicators(GetParam());
    std::vector<std::thread> threads;
    for (auto& member : members) {
        EXPECT_EQ(member->size(), GetParam());
        threads.emplace_back([&member] { contract::all(*member); });
    }
    for (auto& thread : threads) thread.join();
}

INSTANTIATE_TEST_SUITE_P(Ranks, LocalCommunicator, testing::Values(1, 2, 4));

}  // namespace
}  // namespace thaw
