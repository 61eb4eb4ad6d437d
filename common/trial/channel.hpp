// Channel: how control messages travel between the coordinator and the workers. Back ends: in-process, MPI.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "common/trial/message.hpp"

namespace thaw {

/// One party's end. Workers are numbered 0..size-1 (their ranks); the coordinator has an address of its own and lives
/// beside worker 0. Messages from one party to another arrive whole and in the order in which they were sent.
/// send() may be called by any thread; receive() by one thread per end.
class Channel {
  public:
    static constexpr int kCoordinator = -1;

    struct Envelope {
        int from;
        Message message;
    };

    virtual ~Channel() = default;
    /// Number of workers.
    virtual int size() const = 0;
    virtual void send(int to, const Message& message) = 0;
    /// The next message, or nothing when `timeout` has passed.
    virtual std::optional<Envelope> receive(std::chrono::milliseconds timeout) = 0;
};

/// The ends that live in one process.
struct ChannelEnds {
    std::unique_ptr<Channel> coordinator;           // null on ranks other than 0
    std::vector<std::unique_ptr<Channel>> workers;  // one under MPI; all of them in process
};

/// All ends in this process: for one worker, and for tests with several. Messages are serialized all the same, so that
/// what works here works over MPI.
ChannelEnds make_local_channel(int workers);

}  // namespace thaw
