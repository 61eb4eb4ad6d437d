// Communicator: collectives among the ranks that work on one stage together. Back ends: local, MPI.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace thaw {

/// Every member calls the same collectives in the same order; a call returns when its own part is done. Sums keep
/// the rank order, whoever arrives first: they are the same bits on every member and at every repetition.
class Communicator {
  public:
    virtual ~Communicator() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;
    /// Replaces every element by its sum over the members.
    virtual void all_reduce_sum(std::span<float> values) = 0;
    virtual void all_reduce_sum(std::span<double> values) = 0;
    /// Replaces the bytes by those of member `root`.
    virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
    virtual void barrier() = 0;
};

/// Members that are threads of this process; member i's communicator is element i.
std::vector<std::unique_ptr<Communicator>> make_local_communicators(int size);

/// All ranks of the MPI world, over a communicator of its own. Collective; MPI must run with MPI_THREAD_MULTIPLE.
std::unique_ptr<Communicator> make_mpi_communicator();

}  // namespace thaw
