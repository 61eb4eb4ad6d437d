#include "coordinator/dispatch/unfinished.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "coordinator/plan/phases.hpp"

namespace thaw {
namespace {

/// Marks as failed, and takes out, whoever has brought the world down too often: at first perhaps beside others, then
/// alone.
void give_up(Unfinished& left, Store& store, Pruner& pruner) {
    const auto deaths = store.deaths();
    std::erase_if(left.trials, [&](const Trial& trial) {
        const auto found = deaths.find(trial.id);
        if (found == deaths.end()) return false;
        if (found->second.count < kDeathsOfATrial) {
            left.suspects.insert(trial.id);
            return false;
        }
        store.fail_trial(trial.id, fmt::format("the world died {} times while it ran, in the end alone, without one "
                                               "more epoch done; the last time: {}",
                                               found->second.count, found->second.reason));
        pruner.failed(trial.id);
        left.given_up.insert(trial.id);
        return true;
    });
}

}  // namespace

Unfinished unfinished_of(const std::vector<Trial>& trials, Store& store, Pruner& pruner) {
    Unfinished left;
    left.finished = store.finished(trials);
    std::set<std::string> done(left.finished.begin(), left.finished.end());
    if (pruner.judges()) {
        for (const auto& [id, epochs] : store.shown(trials)) {
            for (const EpochMetrics& metrics : epochs) pruner.epoch_done(id, metrics);
            if (!done.contains(id)) left.known_epochs[id] = static_cast<int>(epochs.size());
        }
    }
    for (const Decision& decision : pruner.decided())
        if (const std::string& id = pruner.trial_of(decision); !decision.go_on && left.known_epochs.contains(id))
            left.stopped += done.insert(id).second;
    std::copy_if(trials.begin(), trials.end(), std::back_inserter(left.trials),
                 [&](const Trial& trial) { return !done.contains(trial.id); });
    give_up(left, store, pruner);
    return left;
}

void give_up_later_phases(Unfinished& left, const Inputs& inputs, Store& store) {
    if (left.given_up.empty()) return;
    std::erase_if(left.trials, [&](const Trial& trial) {
        const auto earlier = earlier_phase(trial, inputs);
        if (!earlier || !left.given_up.contains(earlier->id)) return false;
        store.fail_trial(trial.id, fmt::format("its earlier phase, trial {}, was given up: the world died too often "
                                               "while it ran",
                                               earlier->id));
        left.given_up.insert(trial.id);
        return true;
    });
}

std::string before_text(const Unfinished& left) {
    std::vector<std::string> parts;
    if (!left.finished.empty()) parts.push_back(fmt::format("{} finished before", left.finished.size()));
    if (left.stopped > 0) parts.push_back(fmt::format("{} stopped before", left.stopped));
    if (!left.suspects.empty())
        parts.push_back(fmt::format("{} run alone, since an earlier run died during them", left.suspects.size()));
    return parts.empty() ? "" : fmt::format(" ({})", fmt::join(parts, ", "));
}

}  // namespace thaw
