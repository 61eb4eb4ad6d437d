// The `phases:` of a sweep: what trains before a trial's own freeze, learning_rate and epochs.
#pragma once

#include "coordinator/sweep/axes.hpp"

namespace thaw {

/// One value of the axis: none, a map (one earlier phase) or a list of maps (several, in this order).
Setting read_phases(const AxisContext& context, const YAML::Node& node);

/// To be called when the trial has its own freeze and learning rate, which phases have where they say nothing else.
void assign_phases(Trial& trial, const Setting& setting);

/// "none", or "[{freeze: all, epochs: 3}, {epochs: 2}]".
std::string phases_text(const PhasesSetting& phases);

/// Throws UserError: a rule that stops trials judges them by their epochs, and a phase must come to its end.
void refuse_phases_that_may_be_stopped(const Sweep& sweep);

}  // namespace thaw
