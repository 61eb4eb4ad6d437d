// The axes `schedule` and `early_stopping`: what changes or ends a training on its way.
#pragma once

#include "coordinator/sweep/axes.hpp"

namespace thaw {

Setting read_schedule(const AxisContext& context, const YAML::Node& node);
Setting read_early_stopping(const AxisContext& context, const YAML::Node& node);

/// The settings that one of this kind may have, in the order of error messages.
std::vector<std::string> schedule_keys(ScheduleKind kind);

}  // namespace thaw
