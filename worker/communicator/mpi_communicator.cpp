// The Communicator over MPI.
#include <mpi.h>

#include <algorithm>

#include "worker/communicator/communicator.hpp"

namespace thaw {
namespace {

/// MPI counts are int: longer buffers travel in blocks.
constexpr std::size_t kBlock = std::size_t{1} << 28;

class MpiCommunicator : public Communicator {
  public:
    MpiCommunicator() {
        MPI_Comm_dup(MPI_COMM_WORLD, &communicator_);
        MPI_Comm_rank(communicator_, &rank_);
        MPI_Comm_size(communicator_, &size_);
    }
    ~MpiCommunicator() override { MPI_Comm_free(&communicator_); }

    int rank() const override { return rank_; }
    int size() const override { return size_; }
    void all_reduce_sum(std::span<float> values) override { sum(values, MPI_FLOAT); }
    void all_reduce_sum(std::span<double> values) override { sum(values, MPI_DOUBLE); }
    void broadcast(std::span<std::byte> bytes, int root) override {
        for (std::size_t at = 0; at < bytes.size(); at += kBlock)
            MPI_Bcast(bytes.data() + at, static_cast<int>(std::min(kBlock, bytes.size() - at)), MPI_BYTE, root,
                      communicator_);
    }
    void barrier() override { MPI_Barrier(communicator_); }

  private:
    /// The sum must not depend on who arrives first: an operation that does not commute binds MPI to the rank order.
    /// (Rank order, not the grouping of the terms: with four ranks MPI may add (a+b)+(c+d). It does so at every
    /// repetition, and all members get the same bits.)
    template <typename Scalar>
    void sum(std::span<Scalar> values, MPI_Datatype type) {
        MPI_Op in_rank_order;
        MPI_Op_create(&add_in_place<Scalar>, 0, &in_rank_order);
        for (std::size_t at = 0; at < values.size(); at += kBlock)
            MPI_Allreduce(MPI_IN_PLACE, values.data() + at, static_cast<int>(std::min(kBlock, values.size() - at)),
                          type, in_rank_order, communicator_);
        MPI_Op_free(&in_rank_order);
    }

    template <typename Scalar>
    static void add_in_place(void* in, void* in_out, int* count, MPI_Datatype*) {
        const Scalar* left = static_cast<const Scalar*>(in);
        Scalar* right = static_cast<Scalar*>(in_out);
        for (int i = 0; i < *count; ++i) right[i] = left[i] + right[i];
    }

    MPI_Comm communicator_ = MPI_COMM_NULL;
    int rank_ = 0, size_ = 1;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator() {
    return std::make_unique<MpiCommunicator>();
}

}  // namespace thaw
