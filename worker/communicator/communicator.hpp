// Communicator: collectives among the ranks that work on one stage together. Back ends: local, MPI, NCCL.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/trial/precision.hpp"
#include "common/util/error.hpp"

namespace thaw {

/// One member cannot go on, and every member knows: all of them throw this, from the same collective.
class AgreedFailure : public StageError {
  public:
    using StageError::StageError;
};

/// Every member calls the same collectives in the same order; a call returns when its own part is done. Sums keep
/// the rank order, whoever arrives first: they are the same bits on every member and at every repetition.
/// A member that cannot go on calls fail() in place of the collective that the others come to; they throw
/// AgreedFailure, and the communicator is as good as before. Where members do not come within the time limit, the
/// others throw a StageError that names them, and the communicator is of no use any more.
class Communicator {
  public:
    virtual ~Communicator() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;
    /// Replaces every element by its sum over the members.
    virtual void all_reduce_sum(std::span<float> values) = 0;
    virtual void all_reduce_sum(std::span<double> values) = 0;
    /// Member i's part of the bytes is [begins[i], begins[i + 1]); everyone gets all parts. begins has size() + 1
    /// elements and is the same on all members.
    virtual void all_gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) = 0;
    /// The same, but only member 0 gets all parts; on the others `bytes` is their own part alone.
    virtual void gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) = 0;
    /// Replaces the bytes by those of member `root`.
    virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
    virtual void barrier() = 0;
    /// Takes the place of one collective of any kind. Returns when all members know.
    virtual void fail(const std::string& message) = 0;
};

/// How long a collective waits for members that have not come.
using TimeLimit = std::chrono::milliseconds;
/// Members may read large files before the first collective. THAW_COLLECTIVE_SECONDS in the environment takes its
/// place.
TimeLimit default_time_limit();

/// Members that are threads of this process; member i's communicator is element i.
std::vector<std::unique_ptr<Communicator>> make_local_communicators(int size, TimeLimit limit = default_time_limit());

/// Whether a rank that waits for others may keep its core busy, or another rank may want it.
enum class Polling { on_own_core, on_shared_core };

/// Over some ranks of the MPI world (ascending; the calling one among them): member i is rank ranks[i]. Collective over
/// these alone, and bound by the time limit too. MPI must run with MPI_THREAD_MULTIPLE.
std::unique_ptr<Communicator> make_mpi_communicator(const std::vector<int>& ranks,
                                                    TimeLimit limit = default_time_limit(),
                                                    Polling polling = Polling::on_shared_core);

struct NcclOptions {
    int device = 0;                         // the CUDA device of this member
    Precision bucket = Precision::float32;  // how sums of floats travel and are added up
    TimeLimit limit = default_time_limit();
};
/// Sums over NCCL, on a stream of their own; all else, and who has come or failed, by `control`, whose members it has.
/// Collective. The values of a sum may lie in the GPU's memory, computed on its default stream, or in the host's. NCCL
/// chooses the order of the terms: the same bits on every member and at every repetition, but not the rank order.
std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> control, const NcclOptions& options);
/// Why make_nccl_communicator cannot work here; empty where it can.
std::string why_no_nccl();

}  // namespace thaw
