#include "worker/communicator/group.hpp"

#include <new>

#include "common/util/parallel.hpp"

namespace thaw {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Group::Group(std::unique_ptr<Communicator> communicator)
    : communicator_(std::move(communicator)), thread_([this](const std::stop_token& stop) { serve(stop); }) {}

Group::~Group() {
    thread_.request_stop();
    changed_.notify_all();
}

void Group::all_reduce_sum(std::span<float> values) {
    run([&] { communicator_->all_reduce_sum(values); });
}
void Group::all_reduce_sum(std::span<double> values) {
    run([&] { communicator_->all_reduce_sum(values); });
}
void Group::all_gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) {
    run([&] { communicator_->all_gather(bytes, begins); });
}
void Group::gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) {
    run([&] { communicator_->gather(bytes, begins); });
}
void Group::broadcast(std::span<std::byte> bytes, int root) {
    run([&] { communicator_->broadcast(bytes, root); });
}
void Group::barrier() {
    run([&] { communicator_->barrier(); });
}

template <typename Scalar>
void Group::start_all_reduce_sum(std::span<Scalar> values) {
    start([this, values] { communicator_->all_reduce_sum(values); });
}
template void Group::start_all_reduce_sum(std::span<float>);
template void Group::start_all_reduce_sum(std::span<double>);

void Group::start_gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) {
    start([this, bytes, held = std::vector<std::size_t>(begins.begin(), begins.end())] {
        communicator_->gather(bytes, held);
    });
}

void Group::finish() {
    const auto start = Clock::now();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return started_.empty() && !busy_; });
    times_.waited += seconds_since(start);
    throw_failure();
}

void Group::fail(const std::string& message) noexcept {
    try {
        finish();
        run([&] {
            communicator_->fail(message);
            throw AgreedFailure("{}", message);
        });
    } catch (const std::exception&) {  // it is what later calls throw
    }
}

void Group::recover() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return started_.empty() && !busy_; });  // what failed is dropped, with all behind it
    if (!broken_) failure_ = nullptr;
}

bool Group::broken() const {
    const std::lock_guard lock(mutex_);
    return broken_;
}

bool Group::any(bool here) {
    double members = here ? 1 : 0;
    all_reduce_sum(std::span(&members, 1));
    return members > 0;
}

std::pair<std::size_t, std::size_t> Group::share_of(std::size_t count, int member) const {
    const auto index = static_cast<std::size_t>(member), members = static_cast<std::size_t>(size());
    return {part_begin(count, index, members), part_begin(count, index + 1, members)};
}

Group::Times Group::times() const {
    const std::lock_guard lock(mutex_);
    return times_;
}

void Group::throw_failure() const {
    if (failure_) std::rethrow_exception(failure_);
}

void Group::carry_out(const Collective& collective) {
    std::exception_ptr failure;
    bool broken = false;
    try {
        collective();
    } catch (const AgreedFailure&) {
        failure = std::current_exception();
    } catch (const std::bad_alloc&) {  // before anything was sent
        communicator_->fail("out of memory");
        failure = std::make_exception_ptr(AgreedFailure("out of memory"));
    } catch (...) {
        failure = std::current_exception();
        broken = true;
    }
    const std::lock_guard lock(mutex_);
    ++times_.collectives;
    if (failure) failure_ = failure;
    broken_ = broken_ || broken;
}

void Group::run(const Collective& collective) {
    const auto start = Clock::now();
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return started_.empty() && !busy_; });
        throw_failure();
    }
    carry_out(collective);  // nothing else is under way, and none but this thread starts anything
    const std::lock_guard lock(mutex_);
    times_.waited += seconds_since(start);
    throw_failure();
}

void Group::start(Collective collective) {
    const std::lock_guard lock(mutex_);
    throw_failure();
    started_.push_back(std::move(collective));
    changed_.notify_all();
}

void Group::serve(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return !started_.empty(); })) {
        const Collective collective = std::move(started_.front());
        started_.pop_front();
        if (failure_) {  // the members have agreed that this does not take place
            changed_.notify_all();
            continue;
        }
        busy_ = true;
        lock.unlock();
        carry_out(collective);
        lock.lock();
        busy_ = false;
        changed_.notify_all();
    }
}

}  // namespace thaw
