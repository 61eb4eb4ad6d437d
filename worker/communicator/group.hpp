// Group: a Communicator as training uses it: sums that run beside the backward pass, and failures that members agree
// on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "worker/communicator/communicator.hpp"

namespace thaw {

/// All calls are for one thread. What it starts and what it waits for happen in the order of its calls, so that the
/// members' sequences of collectives agree where their programs do. After a failure (fail(), or a collective that
/// threw) every call throws the same again without communication, until recover(): all members call that once they have
/// dropped what failed.
class Group {
  public:
    explicit Group(std::unique_ptr<Communicator> communicator);
    ~Group();
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    int rank() const { return communicator_->rank(); }
    int size() const { return communicator_->size(); }
    bool leads() const { return rank() == 0; }

    void all_reduce_sum(std::span<float> values);
    void all_reduce_sum(std::span<double> values);
    void all_gather(std::span<std::byte> bytes, std::span<const std::size_t> begins);
    void gather(std::span<std::byte> bytes, std::span<const std::size_t> begins);
    void broadcast(std::span<std::byte> bytes, int root);
    void barrier();
    /// Whether it holds for at least one member.
    bool any(bool here);

    /// Begin a sum or a gather on a thread of the group's own; the memory is its own until finish() returns.
    template <typename Scalar>
    void start_all_reduce_sum(std::span<Scalar> values);
    void start_gather(std::span<std::byte> bytes, std::span<const std::size_t> begins);
    /// Waits for all that has been started; throws what the first of them threw.
    void finish();

    /// Tells the others, unless they know already, that this member cannot go on.
    void fail(const std::string& message) noexcept;
    void recover();
    /// Members did not come in time: nothing goes through this group any more.
    bool broken() const;

    /// [begin, end) of `count` things that a member takes; this one, unless it says which.
    std::pair<std::size_t, std::size_t> share_of(std::size_t count, int member) const;
    std::pair<std::size_t, std::size_t> share_of(std::size_t count) const { return share_of(count, rank()); }

    /// For how long the calling thread stood still for collectives so far, and how many there were.
    struct Times {
        double waited = 0;  // s
        std::int64_t collectives = 0;
    };
    Times times() const;

  private:
    using Collective = std::function<void()>;
    /// Runs it after all that was started, and returns when it is done.
    void run(const Collective& collective);
    void start(Collective collective);
    void serve(const std::stop_token& stop);
    void carry_out(const Collective& collective);  // without the lock
    void throw_failure() const;                    // with the lock

    std::unique_ptr<Communicator> communicator_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Collective> started_;
    bool busy_ = false, broken_ = false;
    std::exception_ptr failure_;
    Times times_;
    std::jthread thread_;  // last: it uses the others
};

}  // namespace thaw
