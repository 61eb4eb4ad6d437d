// Collectives made of one primitive: every member sends each other member a piece. What the back ends on CPUs share.
#pragma once

#include <vector>

#include "worker/communicator/communicator.hpp"

namespace thaw {

/// Since every collective begins with a piece from everyone to everyone, empty ones among them, a note in a piece's
/// place is how a failure becomes known to all, at no cost while there is none.
/// Sums: member i adds up the i-th part of everyone's values, in rank order, and gives the sum to all; small arrays go
/// to everyone as they are. (The traffic of Rabenseifner's reduce-scatter and all-gather, in two rounds where a ring
/// needs 2(n-1); groups are small, so that n^2 messages do not matter.)
class ExchangeCommunicator : public Communicator {
  public:
    void all_reduce_sum(std::span<float> values) final { sum(values); }
    void all_reduce_sum(std::span<double> values) final { sum(values); }
    void all_gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) final;
    void gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) final;
    void broadcast(std::span<std::byte> bytes, int root) final;
    void barrier() final;
    void fail(const std::string& message) final;

  protected:
    using Piece = std::span<std::byte>;
    /// Sends out[p] to member p and receives in[p] from it, for every p but this one. With a `note`, sends that
    /// instead and drops what comes. Returns the note of the lowest member that sent one, empty where none did.
    /// Throws StageError, naming who is missing, when the time limit has passed.
    virtual std::string exchange(const std::vector<Piece>& out, const std::vector<Piece>& in,
                                 const std::string& note) = 0;
    /// "rank 3" for a member; what people know it by.
    virtual std::string name_of(int member) const = 0;

    /// For back ends: the error that names these members.
    [[noreturn]] void throw_missing(const std::vector<int>& members, TimeLimit limit) const;

  private:
    /// exchange(), where a note is everyone's failure.
    void exchange_or_fail(const std::vector<Piece>& out, const std::vector<Piece>& in);
    template <typename Scalar>
    void sum(std::span<Scalar> values);
    std::vector<Piece> nothing() const { return std::vector<Piece>(static_cast<std::size_t>(size())); }
    std::size_t self() const { return static_cast<std::size_t>(rank()); }

    std::vector<double> received_;  // of sums; only memory
};

}  // namespace thaw
