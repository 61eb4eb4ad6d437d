// The contract of Communicator, kept by MPI ranks; ctest runs it with 1, 2 and 4 of them.
#include "tests/worker/communicator/communicator_contract.hpp"
#include "tests/worker/communicator/groups_contract.hpp"

#include <gmock/gmock.h>
#include <mpi.h>

#include <numeric>

namespace thaw {
namespace {

int world_size() {
    int size = 0;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    return size;
}

int world_rank() {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

std::vector<int> all_ranks() {
    std::vector<int> ranks(static_cast<std::size_t>(world_size()));
    std::iota(ranks.begin(), ranks.end(), 0);
    return ranks;
}

TEST(MpiCommunicator, KeepsTheContract) {
    contract::all(*make_mpi_communicator(all_ranks()));
}

TEST(MpiCommunicator, OfAPartOfTheWorldKeepsTheContractToo) {
    const int rank = world_rank(), size = world_size();
    for (const int parity : {0, 1}) {  // the even and the odd ranks, each by themselves, twice
        std::vector<int> members;
        for (int member = rank % 2; member < size; member += 2) members.push_back(member);
        const auto group = make_mpi_communicator(members);
        EXPECT_EQ(group->size(), static_cast<int>(members.size())) << parity;
        contract::all(*group);
    }
}

TEST(MpiCommunicator, LendsItsGroupsToOneStageAtATime) {
    const auto make = [](const std::vector<int>& ranks) { return make_mpi_communicator(ranks); };
    contract::stages_of_a_group_take_turns(all_ranks(), make);
    contract::a_turn_that_is_not_used_lets_the_next_one_come(all_ranks(), make);
}

TEST(MpiCommunicator, NamesTheRanksThatDoNotCome) {
    if (world_size() < 2) GTEST_SKIP() << "one rank misses nobody";
    const TimeLimit limit = std::chrono::milliseconds(300);
    const auto group = make_mpi_communicator(all_ranks());
    {
        const auto impatient = make_mpi_communicator(all_ranks(), limit);
        if (world_rank() != 1) {
            try {
                impatient->barrier();
                ADD_FAILURE() << "a barrier without rank 1";
            } catch (const AgreedFailure&) {
                ADD_FAILURE() << "nobody told of a failure";
            } catch (const StageError& error) {
                EXPECT_THAT(error.what(), testing::HasSubstr("rank 1 of"));
            }
        }
    }
    group->barrier();
}

TEST(MpiCommunicator, WithoutAllItsRanksIsNotMade) {
    if (world_size() < 2) GTEST_SKIP() << "one rank misses nobody";
    const auto everyone = make_mpi_communicator(all_ranks());
    if (world_rank() == 0) {
        try {
            make_mpi_communicator({0, 1}, std::chrono::milliseconds(300));
            ADD_FAILURE() << "a group without rank 1";
        } catch (const StageError& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("rank 1 did not come"));
        }
    }
    everyone->barrier();
}

}  // namespace
}  // namespace thaw
