// The contract of Communicator, kept by MPI ranks; ctest runs it with 1, 2 and 4 of them.
#include "tests/worker/communicator/communicator_contract.hpp"

namespace thaw {
namespace {

TEST(MpiCommunicator, KeepsTheContract) {
    contract::all(*make_mpi_communicator());
}

}  // namespace
}  // namespace thaw
