// Hands what trials show, epoch by epoch, to the rungs of a stopping rule, and keeps what is decided about them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/trial/epoch_metrics.hpp"
#include "common/trial/trial.hpp"
#include "coordinator/plan/rungs.hpp"

namespace thaw {

class Pruner {
  public:
    /// All trials of the search, whatever has become of them so far. Without a rule nothing is ever decided.
    Pruner(const StoppingRule& rule, const std::vector<Trial>& trials);

    /// Whether there is a rule.
    bool judges() const { return rungs_.has_value(); }

    /// The trial's next epoch; one that was told before changes nothing.
    void epoch_done(const std::string& trial, const EpochMetrics& metrics);
    /// The trial will show no further epoch.
    void failed(const std::string& trial);

    /// All that has been decided, of any trial, in the order in which it became certain: what is new is at the end.
    const Decisions& decided() const { return decided_; }
    /// Id of the trial that the decision is about.
    const std::string& trial_of(const Decision& decision) const {
        return ids_[static_cast<std::size_t>(decision.trial)];
    }

  private:
    void report(int trial, int epoch, const RungResult& result);

    struct Shown {
        int entrant = 0;
        std::vector<int> rungs;  // epochs
        std::vector<EpochMetrics> epochs;
    };
    std::vector<std::string> ids_;  // by entrant
    std::unordered_map<std::string, Shown> shown_;
    std::optional<Rungs> rungs_;
    Decisions decided_;
};

}  // namespace thaw
