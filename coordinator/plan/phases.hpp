// Trainings in several phases: each earlier phase is a training of its own, done once for all trials that go on from
// it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/trial/trial.hpp"
#include "coordinator/plan/plan_inputs.hpp"

namespace thaw {

/// The training up to the end of the last phase before the trial's own, as a trial with an id; none where it has no
/// phases. It has neither schedule nor early stopping: they are the last phase's.
std::optional<Trial> earlier_phase(const Trial& trial, const Inputs& inputs);

/// The trials, each of them behind its earlier phases. Of those that are not among the trials only where `wanted` says
/// so, and then with their own earlier phases before them.
std::vector<Trial> with_phases(
    std::vector<Trial> trials, const Inputs& inputs,
    const std::function<bool(const Trial&)>& wanted = [](const Trial&) { return true; });

/// The file with the weights at a trial's end that later phases go on from.
std::string phase_weights(const std::string& id, const RunInputs& inputs);

}  // namespace thaw
