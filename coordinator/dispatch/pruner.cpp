#include "coordinator/dispatch/pruner.hpp"

#include <algorithm>

namespace thaw {

Pruner::Pruner(const StoppingRule& rule, const std::vector<Trial>& trials) {
    if (std::holds_alternative<std::monostate>(rule)) return;
    std::vector<Entrant> entrants;
    for (const Trial& trial : trials) {
        shown_[trial.id] = {static_cast<int>(entrants.size()), rung_epochs(rule, trial.epochs), {}};
        ids_.push_back(trial.id);
        entrants.push_back({trial.id, trial.epochs});
    }
    rungs_.emplace(rule, std::move(entrants));
}

void Pruner::epoch_done(const std::string& trial, const EpochMetrics& metrics) {
    const auto found = shown_.find(trial);
    if (found == shown_.end()) return;
    Shown& shown = found->second;
    if (metrics.epoch != static_cast<int>(shown.epochs.size()) + 1) return;
    shown.epochs.push_back(metrics);
    if (!std::binary_search(shown.rungs.begin(), shown.rungs.end(), metrics.epoch)) return;
    report(shown.entrant, metrics.epoch, rung_result(shown.epochs));
}

void Pruner::failed(const std::string& trial) {
    const auto found = shown_.find(trial);
    if (found == shown_.end()) return;
    const Shown& shown = found->second;
    const auto next = std::upper_bound(shown.rungs.begin(), shown.rungs.end(), static_cast<int>(shown.epochs.size()));
    if (next == shown.rungs.end()) return;
    RungResult none;
    none.failed = true;
    report(shown.entrant, *next, none);
}

void Pruner::report(int trial, int epoch, const RungResult& result) {
    const Decisions decisions = rungs_->report(trial, epoch, result);
    decided_.insert(decided_.end(), decisions.begin(), decisions.end());
}

}  // namespace thaw
