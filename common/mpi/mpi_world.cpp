#include "common/mpi/mpi_world.hpp"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>

#include "common/util/error.hpp"
#include "common/util/exit_code.hpp"
#include "common/util/silence.hpp"

namespace thaw {
namespace {

/// Ends the process where the ranks do not come together in time: MPI itself would wait for ever for one that is dead.
class StartLimit {
  public:
    explicit StartLimit(std::chrono::milliseconds limit)
        : thread_([limit](const std::stop_token& stop) {
              std::mutex mutex;
              std::condition_variable_any started;
              std::unique_lock lock(mutex);
              if (started.wait_for(lock, stop, limit, [&] { return stop.stop_requested(); })) return;
              if (stop.stop_requested()) return;
              fmt::print(stderr,
                         "thaw: the ranks did not come together in {:g} s: one of them, or its host, may be dead\n",
                         std::chrono::duration<double>(limit).count());
              std::fflush(stderr);
              ::_exit(kInterrupted);
          }) {}

  private:
    std::jthread thread_;
};

/// Which party a message is for: rank 0 holds two.
enum Tag : int { kToCoordinator = 1, kToWorker = 2 };

/// Point-to-point over a communicator of its own, so that no other traffic can be mistaken for control messages.
class MpiChannel : public Channel {
  public:
    MpiChannel(std::shared_ptr<MPI_Comm> communicator, Tag inbox, int self)
        : communicator_(std::move(communicator)), inbox_(inbox), self_(self) {
        MPI_Comm_size(*communicator_, &size_);
    }

    ~MpiChannel() override {
        // What was sent must leave before the communicator goes; whoever has stopped reading is not waited for.
        wait_politely([&](int* done) { *done = reap(); }, std::chrono::seconds(5));
    }

    int size() const override { return size_; }

    /// Never waits for the receiver: two parties that send long messages to each other at once must not block.
    void send(int to, const Message& message) override {
        auto letter = std::make_unique<Letter>();
        // The sender's kind travels with the text: the tag only tells the receiver's.
        letter->text = (self_ == kCoordinator ? 'c' : 'w') + serialize(message);
        MPI_Isend(letter->text.data(), static_cast<int>(letter->text.size()), MPI_CHAR, to == kCoordinator ? 0 : to,
                  to == kCoordinator ? kToCoordinator : kToWorker, *communicator_, &letter->request);
        {
            const std::lock_guard lock(mutex_);
            on_their_way_.push_back(std::move(letter));
        }
        reap();
    }

    std::optional<Envelope> receive(std::chrono::milliseconds timeout) override {
        MPI_Message handle;
        MPI_Status status;
        const bool arrived = wait_politely(
            [&](int* done) {
                reap();
                MPI_Improbe(MPI_ANY_SOURCE, inbox_, *communicator_, done, &handle, &status);
            },
            timeout);
        if (!arrived) return {};
        int bytes = 0;
        MPI_Get_count(&status, MPI_CHAR, &bytes);
        std::string text(static_cast<std::size_t>(bytes), '\0');
        MPI_Mrecv(text.data(), bytes, MPI_CHAR, &handle, MPI_STATUS_IGNORE);
        return Envelope{text[0] == 'c' ? kCoordinator : status.MPI_SOURCE, deserialize(text.substr(1))};
    }

  private:
    struct Letter {
        std::string text;
        MPI_Request request = MPI_REQUEST_NULL;
    };

    /// Frees the letters that have left; true when none is on its way.
    bool reap() {
        const std::lock_guard lock(mutex_);
        std::erase_if(on_their_way_, [](const std::unique_ptr<Letter>& letter) {
            int done = 0;
            MPI_Test(&letter->request, &done, MPI_STATUS_IGNORE);
            return done != 0;
        });
        return on_their_way_.empty();
    }

    /// Polls with growing sleeps: MPI's own blocking calls would burn the core that trains.
    template <typename Poll>
    static bool wait_politely(Poll poll, std::chrono::milliseconds timeout) {
        const auto end = std::chrono::steady_clock::now() + timeout;
        std::chrono::microseconds pause{10};
        for (;;) {
            int done = 0;
            poll(&done);
            if (done) return true;
            if (std::chrono::steady_clock::now() >= end) return false;
            std::this_thread::sleep_for(pause);
            pause = std::min(pause * 2, std::chrono::microseconds(1000));
        }
    }

    std::shared_ptr<MPI_Comm> communicator_;
    Tag inbox_;
    int self_;
    int size_ = 0;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Letter>> on_their_way_;
};

}  // namespace

bool launched_by_mpi() {
    for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK"})
        if (std::getenv(name)) return true;
    // Slurm's shells leave these of a world of one, which needs no MPI; Open MPI without PMI would abort over them.
    const char* size = std::getenv("PMI_SIZE");
    return std::getenv("PMI_RANK") && !(size && std::string_view(size) == "1");
}

MpiWorld::MpiWorld() {
    // Starting many ranks takes its time.
    const StartLimit limit(4 * usual_patience());
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
    if (provided < MPI_THREAD_MULTIPLE)
        throw UserError("this MPI library does not support MPI_THREAD_MULTIPLE; use an OpenMPI built with threads");
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm local;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local);
    MPI_Comm_size(local, &local_size_);
    MPI_Comm_free(&local);
    constexpr int kNameBytes = MPI_MAX_PROCESSOR_NAME + 1;
    std::vector<char> mine(kNameBytes), all(static_cast<std::size_t>(kNameBytes) * static_cast<std::size_t>(size_));
    int length = 0;
    MPI_Get_processor_name(mine.data(), &length);
    MPI_Allgather(mine.data(), kNameBytes, MPI_CHAR, all.data(), kNameBytes, MPI_CHAR, MPI_COMM_WORLD);
    for (std::size_t at = 0; at < all.size(); at += kNameBytes) hosts_.emplace_back(all.data() + at);
}

MpiWorld::~MpiWorld() {
    // While an exception unwinds the other ranks may be waiting for this one: a collective finalize would hang.
    if (std::uncaught_exceptions() > 0) MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Finalize();
}

void MpiWorld::abort(int exit_code) {
    // With a part of the world out of reach, an abort has been seen to wait for it.
    std::thread([exit_code] {
        std::this_thread::sleep_for(std::chrono::seconds(5));
        ::_exit(exit_code);
    }).detach();
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    ::_exit(exit_code);
}

ChannelEnds make_mpi_channel() {
    auto communicator = std::shared_ptr<MPI_Comm>(new MPI_Comm, [](MPI_Comm* held) {
        MPI_Comm_free(held);
        delete held;
    });
    MPI_Comm_dup(MPI_COMM_WORLD, communicator.get());
    ChannelEnds ends;
    int rank = 0;
    MPI_Comm_rank(*communicator, &rank);
    if (rank == 0) ends.coordinator = std::make_unique<MpiChannel>(communicator, kToCoordinator, Channel::kCoordinator);
    ends.workers.push_back(std::make_unique<MpiChannel>(communicator, kToWorker, rank));
    return ends;
}

}  // namespace thaw
