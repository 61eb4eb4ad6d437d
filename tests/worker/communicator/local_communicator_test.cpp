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

TEST(LocalCommunicatorOfThree, NamesWhoDoesNotCome) {
    auto members = make_local_communicators(3, std::chrono::milliseconds(50));
    try {
        members[0]->barrier();
        FAIL() << "a barrier alone";
    } catch (const StageError& error) {
        EXPECT_STREQ(error.what(), "rank 1, rank 2 of 3 did not come within 0.05 s to what rank 0 does with them");
    }
}

INSTANTIATE_TEST_SUITE_P(Ranks, LocalCommunicator, testing::Values(1, 2, 4));

}  // namespace
}  // namespace thaw
