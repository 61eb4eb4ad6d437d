// The axis `optimizer`: a kind with its settings, in Keras' or PyTorch's style.
#pragma once

#include "coordinator/sweep/axes.hpp"

namespace thaw {

/// What the file does not say has the default of its style, so that two styles are two settings.
Setting read_optimizer(const AxisContext& context, const YAML::Node& node);

/// The settings that one of this kind may have, in the order of error messages.
std::vector<std::string> optimizer_keys(OptimizerKind kind);

}  // namespace thaw
