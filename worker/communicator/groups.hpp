// The groups that one rank is a member of, each lent to one stage at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "worker/communicator/group.hpp"

namespace thaw {

/// Members leave the last collective of a stage at different moments, so that the first one may have reported its end,
/// and the coordinator may have ordered the group's next stage, while another is still in it. Two stages in one
/// communicator would take each other's messages. So a stage takes its turn when its order arrives, and gets the group
/// when all turns before have ended. Orders arrive on all members in the same order, hence turns are equal too.
class Groups {
    struct Shared;

  public:
    /// Makes the communicator over these ranks; collective among them. Without it there are no groups.
    using Maker = std::function<std::unique_ptr<Communicator>(const std::vector<int>& ranks)>;
    explicit Groups(Maker make = {}) : make_(std::move(make)) {}

    /// A stage's place in the queue for its group. It ends with the object, which waits for the turns before.
    class Turn {
      public:
        Turn() = default;  // of a stage without a group
        Turn(Turn&& other) noexcept;
        Turn& operator=(Turn&&) = delete;
        ~Turn();

        /// Waits for the turns before, then makes the group if it is new, or broken. Null for a stage without one.
        Group* group();

      private:
        friend class Groups;
        Turn(Groups& groups, Shared& shared, std::uint64_t number)
            : groups_(&groups), shared_(&shared), number_(number) {}
        void wait();

        Groups* groups_ = nullptr;
        Shared* shared_ = nullptr;
        std::uint64_t number_ = 0;
    };

    /// The next turn in the group of these ranks; for none a turn without a group. Does not wait.
    Turn take_turn(const std::vector<int>& ranks);

  private:
    struct Shared {
        std::vector<int> ranks;
        std::unique_ptr<Group> group;
        std::uint64_t taken = 0, ended = 0;  // turns
    };

    Maker make_;
    std::mutex mutex_;
    std::condition_variable turn_ended_;
    std::map<std::vector<int>, Shared> groups_;
};

}  // namespace thaw
