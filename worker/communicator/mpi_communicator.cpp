// The Communicator over MPI: point-to-point messages within a communicator of the group's own.
#include <fmt/ranges.h>
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <thread>

#include "common/util/exit_code.hpp"
#include "worker/communicator/exchange_communicator.hpp"

namespace thaw {
namespace {

enum Tag : int { kPiece = 1, kNote = 2 };
/// MPI counts are int.
constexpr std::size_t kLargestPiece = std::size_t{1} << 30;

/// One exchange under way. Messages from one member arrive in order, so that the next one from each is this exchange's.
class Exchange {
  public:
    using Pieces = std::vector<std::span<std::byte>>;

    Exchange(MPI_Comm communicator, int rank, const Pieces& in) : communicator_(communicator), rank_(rank), in_(in) {
        arrivals_.resize(in.size());
    }

    void send(const Pieces& out, const std::string& note) {
        note_ = note;
        for (int member = 0; member < static_cast<int>(out.size()); ++member) {
            if (member == rank_) continue;
            const std::span<std::byte> piece = out[static_cast<std::size_t>(member)];
            THAW_CHECK(piece.size() <= kLargestPiece, "a piece of {} bytes", piece.size());
            MPI_Request& request = sends_.emplace_back();
            if (note.empty())
                MPI_Isend(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, member, kPiece, communicator_,
                          &request);
            else
                MPI_Isend(note_.data(), static_cast<int>(note_.size()), MPI_CHAR, member, kNote, communicator_,
                          &request);
        }
    }

    /// True when all has come and all has left.
    bool progress() {
        bool done = true;
        for (int member = 0; member < static_cast<int>(in_.size()); ++member)
            if (member != rank_ && !receive(member)) done = false;
        if (done) MPI_Testall(static_cast<int>(sends_.size()), sends_.data(), &sent_, MPI_STATUSES_IGNORE);
        return done && sent_;
    }

    /// Everyone has come, and what is left to do is moving bytes, which needs this thread: MPI does it when it is
    /// called.
    bool all_here() const {
        for (int member = 0; member < static_cast<int>(arrivals_.size()); ++member)
            if (member != rank_ && !arrivals_[static_cast<std::size_t>(member)].begun) return false;
        return true;
    }

    std::string first_note() const {
        if (!note_.empty()) return note_;
        for (const Arrival& arrival : arrivals_)
            if (arrival.is_note) return arrival.other;
        return {};
    }

    std::vector<int> missing() const {
        std::vector<int> members;
        for (std::size_t i = 0; i < arrivals_.size(); ++i)
            if (static_cast<int>(i) != rank_ && !arrivals_[i].done) members.push_back(static_cast<int>(i));
        if (members.empty())  // all has come, but somebody does not take what is sent
            for (int i = 0; i < static_cast<int>(in_.size()); ++i)
                if (i != rank_) members.push_back(i);
        return members;
    }

    /// A message that stopped half way: MPI may still write into our memory.
    bool half_arrived() const {
        return std::any_of(arrivals_.begin(), arrivals_.end(), [](const Arrival& a) { return a.begun && !a.done; });
    }

    void abandon_sends() {
        for (MPI_Request& request : sends_)
            if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
    }

  private:
    struct Arrival {
        bool begun = false, done = false, is_note = false;
        MPI_Request request = MPI_REQUEST_NULL;
        std::string other;  // a note, or a piece that is dropped
    };

    bool receive(int member) {
        Arrival& arrival = arrivals_[static_cast<std::size_t>(member)];
        if (arrival.done) return true;
        int flag = 0;
        if (!arrival.begun) {
            MPI_Message message;
            MPI_Status status;
            MPI_Improbe(member, MPI_ANY_TAG, communicator_, &flag, &message, &status);
            if (!flag) return false;
            int bytes = 0;
            MPI_Get_count(&status, MPI_BYTE, &bytes);
            arrival.begun = true;
            arrival.is_note = status.MPI_TAG == kNote;
            const std::span<std::byte> wanted = in_[static_cast<std::size_t>(member)];
            void* to = wanted.data();
            if (arrival.is_note || !note_.empty()) {
                arrival.other.resize(static_cast<std::size_t>(bytes));
                to = arrival.other.data();
            } else {
                THAW_CHECK(static_cast<std::size_t>(bytes) == wanted.size(), "{} bytes for {}", bytes, wanted.size());
            }
            MPI_Imrecv(to, bytes, MPI_BYTE, &message, &arrival.request);
        }
        MPI_Test(&arrival.request, &flag, MPI_STATUS_IGNORE);
        arrival.done = flag != 0;
        return arrival.done;
    }

    MPI_Comm communicator_;
    int rank_;
    const Pieces& in_;
    std::string note_;
    std::vector<MPI_Request> sends_;
    int sent_ = 0;
    std::vector<Arrival> arrivals_;
};

/// How a rank waits for others, who mostly come within a few milliseconds. It polls at first, and as long as all are
/// there and bytes want to be moved, for MPI moves them when it is called; then it sleeps in growing steps. A rank with
/// a core of its own does not yield it meanwhile: where other programs want the core, who yields loses a whole turn at
/// every look (measured: tests/bench/RESULTS.md). Where ranks share cores, the one that is waited for may want this
/// one.
class PoliteWait {
  public:
    PoliteWait(TimeLimit limit, Polling polling) : limit_(limit), polling_(polling) {}

    /// False where `done` has not become true within the limit. `at_work`: bytes are to be moved.
    template <typename Done, typename AtWork>
    bool until(const Done& done, const AtWork& at_work) const {
        const std::chrono::milliseconds poll{polling_ == Polling::on_own_core ? 20 : 5};
        const auto start = Clock::now();
        std::chrono::microseconds pause{20};
        while (!done()) {
            const auto waited = Clock::now() - start;
            if (waited > limit_) return false;
            if (waited < poll || at_work()) {
                if (polling_ == Polling::on_shared_core) std::this_thread::yield();
                continue;
            }
            std::this_thread::sleep_for(pause);
            pause = std::min(pause * 2, std::chrono::microseconds(500));
        }
        return true;
    }

  private:
    using Clock = std::chrono::steady_clock;
    TimeLimit limit_;
    Polling polling_;
};

class MpiCommunicator : public ExchangeCommunicator {
  public:
    /// `ranks[i]` is member i's rank in the world. Frees `communicator` in the end where it owns it.
    MpiCommunicator(MPI_Comm communicator, std::vector<int> ranks, TimeLimit limit, Polling polling)
        : communicator_(communicator), ranks_(std::move(ranks)), limit_(limit), wait_(limit, polling) {
        MPI_Comm_rank(communicator_, &rank_);
    }
    ~MpiCommunicator() override {
        if (!broken_) MPI_Comm_free(&communicator_);
    }

    int rank() const override { return rank_; }
    int size() const override { return static_cast<int>(ranks_.size()); }

  private:
    std::string exchange(const std::vector<Piece>& out, const std::vector<Piece>& in,
                         const std::string& note) override {
        Exchange exchange(communicator_, rank_, in);
        exchange.send(out, note);
        if (wait_.until([&] { return exchange.progress(); }, [&] { return exchange.all_here(); }))
            return exchange.first_note();
        broken_ = true;
        if (exchange.half_arrived()) {
            fmt::print(stderr, "thaw: rank {}: a message stopped half way\n", ranks_[static_cast<std::size_t>(rank_)]);
            MPI_Abort(MPI_COMM_WORLD, kInterrupted);
        }
        exchange.abandon_sends();
        throw_missing(exchange.missing(), limit_);
    }

    std::string name_of(int member) const override {
        return fmt::format("rank {}", ranks_[static_cast<std::size_t>(member)]);
    }

    MPI_Comm communicator_ = MPI_COMM_NULL;
    std::vector<int> ranks_;
    TimeLimit limit_;
    PoliteWait wait_;
    int rank_ = 0;
    bool broken_ = false;
};

/// Waits until all members of a group to be have come, since MPI_Comm_create_group itself knows no time limit. Returns
/// those who have not. (Nothing else uses the world's own communicator.)
std::vector<int> assemble(const std::vector<int>& ranks, int self, int tag, const PoliteWait& wait) {
    std::vector<int> missing;
    for (const int rank : ranks) {
        if (rank == self) continue;
        MPI_Request request;
        MPI_Isend(nullptr, 0, MPI_BYTE, rank, tag, MPI_COMM_WORLD, &request);
        MPI_Request_free(&request);
        missing.push_back(rank);
    }
    wait.until(
        [&] {
            std::erase_if(missing, [&](int rank) {
                int arrived = 0;
                MPI_Message message;
                MPI_Improbe(rank, tag, MPI_COMM_WORLD, &arrived, &message, MPI_STATUS_IGNORE);
                if (arrived) MPI_Mrecv(nullptr, 0, MPI_BYTE, &message, MPI_STATUS_IGNORE);
                return arrived != 0;
            });
            return missing.empty();
        },
        [] { return false; });
    return missing;
}

/// Equal for equal groups, rarely for others.
int tag_of(const std::vector<int>& ranks) {
    std::uint32_t hash = 2166136261U;  // FNV-1a
    for (const int rank : ranks) hash = (hash ^ static_cast<std::uint32_t>(rank)) * 16777619U;
    return static_cast<int>(hash % 30000U);  // MPI promises tags up to 32767
}

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(const std::vector<int>& ranks, TimeLimit limit, Polling polling) {
    int self = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &self);
    THAW_CHECK(std::ranges::is_sorted(ranks) && std::ranges::binary_search(ranks, self), "a group of ranks {} for {}",
               fmt::join(ranks, ","), self);
    const std::vector<int> missing = assemble(ranks, self, tag_of(ranks), PoliteWait(limit, polling));
    if (!missing.empty())
        throw StageError("rank {} did not come within {:g} s to a group of {} ranks", fmt::join(missing, ", rank "),
                         std::chrono::duration<double>(limit).count(), ranks.size());
    MPI_Group world, group;
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_incl(world, static_cast<int>(ranks.size()), ranks.data(), &group);
    MPI_Comm communicator = MPI_COMM_NULL;
    MPI_Comm_create_group(MPI_COMM_WORLD, group, tag_of(ranks), &communicator);
    MPI_Group_free(&group);
    MPI_Group_free(&world);
    return std::make_unique<MpiCommunicator>(communicator, ranks, limit, polling);
}

}  // namespace thaw
