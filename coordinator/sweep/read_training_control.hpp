// The axes `schedule` and `early_stopping`: what changes or ends a training on its way.
#pragma once

#include "coordinator/sweep/axes.hpp"

namespace thaw {

Setting read_schedule(const AxisContext& context, const YAML::Node& node);
Setting read_early_stopping(const AxisContext& context, const YAML::Node& node);

/// A cosine's `over` where the sweep does not say it: the trial's own epochs, without those of the warm-up.
Schedule spread_over(Schedule schedule, int epochs);

}  // namespace thaw
