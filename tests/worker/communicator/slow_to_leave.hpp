// A communicator that is slow to return from barriers, and that notices when another thread comes in meanwhile.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "worker/communicator/communicator.hpp"

namespace thaw {

/// What the members of one rank's groups have seen.
struct Overlaps {
    std::atomic<int> seen = 0;
};

/// The other members are through the barrier, and may tell the coordinator that the stage is done, while this one is
/// still in it: for `stay`, or until another thread uses the communicator, which must never happen.
class SlowToLeave : public Communicator {
  public:
    SlowToLeave(std::unique_ptr<Communicator> inner, Overlaps& overlaps,
                std::chrono::milliseconds stay = std::chrono::milliseconds(100))
        : inner_(std::move(inner)), overlaps_(overlaps), stay_(stay) {}

    int rank() const override { return inner_->rank(); }
    int size() const override { return inner_->size(); }
    void all_reduce_sum(std::span<float> values) override {
        const Visit visit(*this);
        inner_->all_reduce_sum(values);
    }
    void all_reduce_sum(std::span<double> values) override {
        const Visit visit(*this);
        inner_->all_reduce_sum(values);
    }
    void all_gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) override {
        const Visit visit(*this);
        inner_->all_gather(bytes, begins);
    }
    void gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) override {
        const Visit visit(*this);
        inner_->gather(bytes, begins);
    }
    void broadcast(std::span<std::byte> bytes, int root) override {
        const Visit visit(*this);
        inner_->broadcast(bytes, root);
    }
    void barrier() override {
        const Visit visit(*this);
        inner_->barrier();
        const auto end = std::chrono::steady_clock::now() + stay_;
        while (inside_ == 1 && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    void fail(const std::string& message) override {
        const Visit visit(*this);
        inner_->fail(message);
    }

  private:
    class Visit {
      public:
        explicit Visit(SlowToLeave& visited) : visited_(visited) {
            if (++visited_.inside_ > 1) ++visited_.overlaps_.seen;
        }
        ~Visit() { --visited_.inside_; }

      private:
        SlowToLeave& visited_;
    };

    std::unique_ptr<Communicator> inner_;
    Overlaps& overlaps_;
    std::chrono::milliseconds stay_;
    std::atomic<int> inside_ = 0;
};

}  // namespace thaw
