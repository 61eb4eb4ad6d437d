// The MPI world: started once, with threads, where the program was launched by mpirun or srun.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/trial/channel.hpp"

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
    int local_size() const { return local_size_; }                    // ranks on this host
    const std::vector<std::string>& hosts() const { return hosts_; }  // by rank

    /// Ends all ranks at once, with this exit code; this one within seconds also where the others cannot be reached.
    [[noreturn]] static void abort(int exit_code);

  private:
    int rank_ = 0, size_ = 1, local_size_ = 1;
    std::vector<std::string> hosts_;
};

/// This rank's ends of a channel over all ranks: the coordinator's on rank 0, and one worker's. Collective; MPI must
/// run.
ChannelEnds make_mpi_channel();

}  // namespace thaw
