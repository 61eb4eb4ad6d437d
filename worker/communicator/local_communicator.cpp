// The Communicator among threads of one process: shared memory and a barrier.
#include <barrier>
#include <cstring>

#include "common/error.hpp"
#include "worker/communicator/communicator.hpp"

namespace thaw {
namespace {

/// What the members of one group share: where each one's buffer of the current collective is.
struct Group {
    explicit Group(int size) : buffers(static_cast<std::size_t>(size)), barrier(size) {}
    std::vector<void*> buffers;
    std::barrier<> barrier;
};

class LocalCommunicator : public Communicator {
  public:
    LocalCommunicator(int rank, std::shared_ptr<Group> group) : rank_(rank), group_(std::move(group)) {}

    int rank() const override { return rank_; }
    int size() const override { return static_cast<int>(group_->buffers.size()); }
    void all_reduce_sum(std::span<float> values) override { sum(values); }
    void all_reduce_sum(std::span<double> values) override { sum(values); }

    void broadcast(std::span<std::byte> bytes, int root) override {
        publish(bytes.data());
        if (rank_ != root) std::memcpy(bytes.data(), group_->buffers[static_cast<std::size_t>(root)], bytes.size());
        barrier();
    }
    void barrier() override { group_->barrier.arrive_and_wait(); }

  private:
    void publish(void* buffer) {
        group_->buffers[static_cast<std::size_t>(rank_)] = buffer;
        barrier();
    }

    template <typename Scalar>
    void sum(std::span<Scalar> values) {
        publish(values.data());
        std::vector<Scalar> total(values.size(), Scalar{0});
        for (void* buffer : group_->buffers) {
            const Scalar* part = static_cast<const Scalar*>(buffer);
            for (std::size_t i = 0; i < total.size(); ++i) total[i] += part[i];
        }
        barrier();  // nobody overwrites a buffer that another still reads
        std::memcpy(values.data(), total.data(), values.size_bytes());
        barrier();
    }

    int rank_;
    std::shared_ptr<Group> group_;
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> make_local_communicators(int size) {
    THAW_CHECK(size >= 1, "a communicator of {} members", size);
    auto group = std::make_shared<Group>(size);
    std::vector<std::unique_ptr<Communicator>> members;
    for (int rank = 0; rank < size; ++rank) members.push_back(std::make_unique<LocalCommunicator>(rank, group));
    return members;
}

}  // namespace thaw
