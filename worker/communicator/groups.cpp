#include "worker/communicator/groups.hpp"

#include <utility>

#include "common/util/error.hpp"

namespace thaw {

Groups::Turn Groups::take_turn(const std::vector<int>& ranks) {
    if (ranks.empty()) return {};
    const std::lock_guard lock(mutex_);
    Shared& shared = groups_[ranks];
    shared.ranks = ranks;
    return {*this, shared, shared.taken++};
}

Groups::Turn::Turn(Turn&& other) noexcept
    : groups_(other.groups_), shared_(std::exchange(other.shared_, nullptr)), number_(other.number_) {}

Groups::Turn::~Turn() {
    if (!shared_) return;
    wait();
    const std::lock_guard lock(groups_->mutex_);
    ++shared_->ended;
    groups_->turn_ended_.notify_all();
}

void Groups::Turn::wait() {
    std::unique_lock lock(groups_->mutex_);
    groups_->turn_ended_.wait(lock, [this] { return shared_->ended == number_; });
}

Group* Groups::Turn::group() {
    if (!shared_) return nullptr;
    wait();
    // Nobody else touches the group until this turn ends.
    if (shared_->group && shared_->group->broken()) shared_->group = nullptr;
    if (!shared_->group) {
        THAW_CHECK(groups_->make_, "a stage for {} ranks, but nothing makes groups", shared_->ranks.size());
        shared_->group = std::make_unique<Group>(groups_->make_(shared_->ranks));
    }
    shared_->group->recover();
    return shared_->group.get();
}

}  // namespace thaw
