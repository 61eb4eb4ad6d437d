#include "coordinator/plan/phases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "coordinator/plan/plan.hpp"

namespace thaw {
namespace {

/// Precisions of no layers are one; as Canonical has it.
bool has_any_frozen_pass(const Trial& trial) {
    return has_frozen_pass(trial.cut) || std::any_of(trial.phases.begin(), trial.phases.end(),
                                                     [](const Phase& phase) { return has_frozen_pass(phase.cut); });
}

class PhaseOrder {
  public:
    PhaseOrder(std::vector<Trial> trials, const Inputs& inputs, const std::function<bool(const Trial&)>& wanted)
        : inputs_(inputs), wanted_(wanted), trials_(std::move(trials)) {
        for (std::size_t i = 0; i < trials_.size(); ++i) place_[trials_[i].id] = i;
    }

    std::vector<Trial> order() {
        for (const Trial& trial : trials_) take(trial);
        return std::move(ordered_);
    }

  private:
    void take(const Trial& trial) {
        if (!taken_.insert(trial.id).second) return;
        if (const auto earlier = earlier_phase(trial, inputs_)) {
            const auto asked_for = place_.find(earlier->id);
            if (asked_for != place_.end())
                take(trials_[asked_for->second]);
            else if (wanted_(*earlier))
                take(*earlier);
        }
        ordered_.push_back(trial);
    }

    const Inputs& inputs_;
    const std::function<bool(const Trial&)>& wanted_;
    std::vector<Trial> trials_;
    std::unordered_map<std::string, std::size_t> place_;
    std::unordered_set<std::string> taken_;
    std::vector<Trial> ordered_;
};

}  // namespace

std::optional<Trial> earlier_phase(const Trial& trial, const Inputs& inputs) {
    if (trial.phases.empty()) return std::nullopt;
    Trial earlier = trial;
    const Phase last = trial.phases.back();
    earlier.phases.pop_back();
    earlier.freeze = last.freeze;
    earlier.frozen_layers = last.frozen_layers;
    earlier.cut = last.cut;
    earlier.learning_rate = last.learning_rate;
    earlier.epochs = last.epochs;
    earlier.schedule = {};
    earlier.early_stop = {};
    if (!has_any_frozen_pass(earlier)) earlier.precision = Precision::float32;
    if (last.freeze == "all") earlier.batch_norm = BatchNormMode::train;  // as Canonical has it
    earlier.id = trial_id(earlier, trial_context(earlier, inputs));
    return earlier;
}

std::vector<Trial> with_phases(std::vector<Trial> trials, const Inputs& inputs,
                               const std::function<bool(const Trial&)>& wanted) {
    const bool any =
        std::any_of(trials.begin(), trials.end(), [](const Trial& trial) { return !trial.phases.empty(); });
    if (!any) return trials;  // there may be a million
    return PhaseOrder(std::move(trials), inputs, wanted).order();
}

std::string phase_weights(const std::string& id, const RunInputs& inputs) {
    return fmt::format("{}/{}.safetensors", inputs.phases, id);
}

}  // namespace thaw
