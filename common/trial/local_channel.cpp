// The Channel within one process: a mailbox for each party.
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "common/trial/channel.hpp"
#include "common/util/error.hpp"

namespace thaw {
namespace {

class Mailbox {
  public:
    void put(int from, std::string text) {
        {
            const std::lock_guard lock(mutex_);
            letters_.emplace_back(from, std::move(text));
        }
        arrived_.notify_one();
    }
    std::optional<std::pair<int, std::string>> take(std::chrono::milliseconds timeout) {
        std::unique_lock lock(mutex_);
        if (!arrived_.wait_for(lock, timeout, [&] { return !letters_.empty(); })) return {};
        auto letter = std::move(letters_.front());
        letters_.pop_front();
        return letter;
    }

  private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<std::pair<int, std::string>> letters_;
};

/// Index 0 is the coordinator's, rank + 1 a worker's.
using Mailboxes = std::vector<Mailbox>;

class LocalChannel : public Channel {
  public:
    LocalChannel(int self, std::shared_ptr<Mailboxes> mailboxes) : self_(self), mailboxes_(std::move(mailboxes)) {}

    int size() const override { return static_cast<int>(mailboxes_->size()) - 1; }
    void send(int to, const Message& message) override {
        THAW_CHECK(to >= kCoordinator && to < size(), "no party {} on this channel", to);
        (*mailboxes_)[static_cast<std::size_t>(to + 1)].put(self_, serialize(message));
    }
    std::optional<Envelope> receive(std::chrono::milliseconds timeout) override {
        auto letter = (*mailboxes_)[static_cast<std::size_t>(self_ + 1)].take(timeout);
        if (!letter) return {};
        return Envelope{letter->first, deserialize(letter->second)};
    }

  private:
    int self_;
    std::shared_ptr<Mailboxes> mailboxes_;
};

}  // namespace

ChannelEnds make_local_channel(int workers) {
    auto mailboxes = std::make_shared<Mailboxes>(static_cast<std::size_t>(workers) + 1);
    ChannelEnds ends;
    ends.coordinator = std::make_unique<LocalChannel>(Channel::kCoordinator, mailboxes);
    for (int rank = 0; rank < workers; ++rank) ends.workers.push_back(std::make_unique<LocalChannel>(rank, mailboxes));
    return ends;
}

}  // namespace thaw
