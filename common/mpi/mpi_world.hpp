// The MPI world: started once, with threads, where the program was launched by mpirun or srun.
#pragma once

#include <memory>

#include "common/channel.hpp"

namespace thaw {

/// True where a launcher (mpirun, srun) started this process as one of a world, told by the variables that it sets.
bool launched_by_mpi();

/// MPI_Init_thread to MPI_Finalize. One per process, and only one for its life. Without it no MPI call is made, so that
/// `thaw run` on its own needs no MPI runtime.
class MpiWorld {
  public:
    /// Throws UserError where this MPI library cannot serve several threads at once.
    MpiWorld();
    ~MpiWorld();
    MpiWorld(const MpiWorld&) = delete;
    MpiWorld& operator=(const MpiWorld&) = delete;

    int rank() const { return rank_; }
    int size() const { return size_; }
    int local_size() const { return local_size_; }  // ranks on this host

    /// Ends all ranks at once, with this exit code.
    [[noreturn]] static void abort(int exit_code);

  private:
    int rank_ = 0, size_ = 1, local_size_ = 1;
};

/// This rank's ends of a channel over all ranks: the coordinator's on rank 0, and one worker's. Collective; MPI must
/// run.
ChannelEnds make_mpi_channel();

}  // namespace thaw
