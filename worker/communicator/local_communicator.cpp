// The Communicator among threads of one process: shared memory, and a board where members meet.
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "common/util/error.hpp"
#include "worker/communicator/exchange_communicator.hpp"

namespace thaw {
namespace {

/// Where members meet: what each one shows, and who has come.
class Board {
  public:
    using Pieces = std::vector<std::span<std::byte>>;

    explicit Board(int size)
        : out(static_cast<std::size_t>(size)), notes(out.size()), arrived_(static_cast<std::size_t>(size), false) {}

    /// Waits until all have come; else returns who has not when the limit has passed.
    std::vector<int> meet(int member, TimeLimit limit) {
        std::unique_lock lock(mutex_);
        arrived_[static_cast<std::size_t>(member)] = true;
        const std::size_t meeting = meetings_;
        if (++count_ == arrived_.size()) {
            count_ = 0;
            arrived_.assign(arrived_.size(), false);
            ++meetings_;
            all_came_.notify_all();
            return {};
        }
        if (all_came_.wait_for(lock, limit, [&] { return meetings_ != meeting; })) return {};
        std::vector<int> missing;
        for (std::size_t i = 0; i < arrived_.size(); ++i)
            if (!arrived_[i]) missing.push_back(static_cast<int>(i));
        return missing;
    }

    std::vector<const Pieces*> out;
    std::vector<std::string> notes;

  private:
    std::mutex mutex_;
    std::condition_variable all_came_;
    std::vector<bool> arrived_;
    std::size_t count_ = 0, meetings_ = 0;
};

class LocalCommunicator : public ExchangeCommunicator {
  public:
    LocalCommunicator(int rank, int size, std::shared_ptr<Board> board, TimeLimit limit)
        : rank_(rank), size_(size), board_(std::move(board)), limit_(limit) {}

    int rank() const override { return rank_; }
    int size() const override { return size_; }

  private:
    std::string exchange(const std::vector<Piece>& out, const std::vector<Piece>& in,
                         const std::string& note) override {
        const auto self = static_cast<std::size_t>(rank_);
        board_->out[self] = &out;
        board_->notes[self] = note;
        meet();
        std::string found;
        for (std::size_t member = board_->notes.size(); member-- > 0;)
            if (!board_->notes[member].empty()) found = board_->notes[member];
        for (std::size_t member = 0; found.empty() && member < in.size(); ++member) {
            if (member == self) continue;
            const Piece& from = (*board_->out[member])[self];
            THAW_CHECK(from.size() == in[member].size(), "{} bytes for {}", from.size(), in[member].size());
            if (!from.empty()) std::memcpy(in[member].data(), from.data(), from.size());
        }
        meet();  // nobody's pieces change before everyone has read them
        return found;
    }

    std::string name_of(int member) const override { return fmt::format("rank {}", member); }

    void meet() {
        const std::vector<int> missing = board_->meet(rank_, limit_);
        if (!missing.empty()) throw_missing(missing, limit_);
    }

    int rank_, size_;
    std::shared_ptr<Board> board_;
    TimeLimit limit_;
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> make_local_communicators(int size, TimeLimit limit) {
    THAW_CHECK(size >= 1, "a communicator of {} members", size);
    auto board = std::make_shared<Board>(size);
    std::vector<std::unique_ptr<Communicator>> members;
    for (int rank = 0; rank < size; ++rank)
        members.push_back(std::make_unique<LocalCommunicator>(rank, size, board, limit));
    return members;
}

}  // namespace thaw
