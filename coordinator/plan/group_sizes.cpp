#include "coordinator/plan/group_sizes.hpp"

#include <algorithm>

#include "coordinator/plan/cost_model.hpp"

namespace thaw {
namespace {

/// Where there are so many trainings for each rank, none of them is held up by the others' being done.
constexpr std::size_t kPlenty = 1000;
/// A member with fewer images a step does little but wait.
constexpr int kLeastImagesOfBatch = 2;
/// Sums of gradients, of snapshots' bytes (which are up to three times the gradients'), over a common network.
constexpr double kSumByte = 1e-9;  // s

struct Work {
    const Trial* longest;
    double seconds;
};

}  // namespace

GroupSizes::GroupSizes(const std::vector<Trial>& sweep, const RunInputs& inputs, GraphCache& graphs,
                       int ranks_per_trial) {
    if (ranks_per_trial > 0) {
        fixed_ = std::min(ranks_per_trial, inputs.ranks);
        return;
    }
    if (inputs.ranks == 1) return;
    const PlanInputs unmeasured{inputs};
    CostModel costs(unmeasured, graphs);
    std::unordered_map<std::string, Work> tails;
    double total = 0;
    for (const Trial& trial : sweep) {
        const double seconds = costs.epochs_seconds(trial, trial.epochs);
        if (trains_head_alone(trial, graphs.of(trial, inputs))) {
            total += seconds;
            continue;
        }
        Work& work = tails.try_emplace(trajectory_key(trial, inputs), Work{&trial, 0}).first->second;
        if (seconds <= work.seconds) continue;
        total += seconds - work.seconds;
        work = {&trial, seconds};
        if (tails.size() > kPlenty * static_cast<std::size_t>(inputs.ranks)) return;
    }
    for (const auto& [key, work] : tails) {
        const double share = work.seconds * inputs.ranks / total, step = costs.training(*work.longest).seconds;
        const double sums = costs.snapshot_bytes(*work.longest) * kSumByte;
        int ranks = 1;
        while (2 * ranks <= share * 1.001 && 2 * ranks * kLeastImagesOfBatch <= work.longest->batch_size &&
               step / (2 * ranks) + sums < step / ranks)
            ranks *= 2;
        if (ranks > 1) by_trajectory_[key] = ranks;
    }
}

int GroupSizes::of(const Trial& trial, const Inputs& inputs) const {
    if (fixed_ > 1) return std::min(fixed_, trial.batch_size);
    if (by_trajectory_.empty()) return 1;
    const auto found = by_trajectory_.find(trajectory_key(trial, inputs));
    return found == by_trajectory_.end() ? 1 : found->second;
}

}  // namespace thaw
