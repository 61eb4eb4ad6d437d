// Stages that wait for a pruner: each begins once all its trials are judged, if one of them goes on.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "coordinator/plan/plan.hpp"

namespace thaw {

class Gates {
  public:
    explicit Gates(const Plan& plan) {
        for (int s = 0; s < static_cast<int>(plan.stages.size()); ++s) {
            const PlannedStage& gated = plan.stage(s);
            if (gated.gate_epoch == 0) continue;
            for (const int trial : gated.trials) stages_[{trial, gated.gate_epoch}] = s;
            undecided_[s] = static_cast<int>(gated.trials.size());
        }
    }

    struct Verdict {
        int stage;
        bool wanted;
        bool operator==(const Verdict&) const = default;
    };

    /// Whether the trial goes on after that epoch. A verdict where that was all that the stage behind it waited for.
    std::optional<Verdict> decide(int trial, int epoch, bool go_on) {
        const auto found = stages_.find({trial, epoch});
        if (found == stages_.end()) return std::nullopt;  // known before this run: there is no cut at that epoch
        const int stage = found->second;
        if (go_on) wanted_.insert(stage);
        if (--undecided_[stage] > 0) return std::nullopt;
        return Verdict{stage, wanted_.contains(stage)};
    }

  private:
    std::map<std::pair<int, int>, int> stages_;  // that wait for (trial, epoch)
    std::unordered_map<int, int> undecided_;     // by stage: how many of its trials
    std::set<int> wanted_;                       // stages that one of their trials goes on with
};

}  // namespace thaw
