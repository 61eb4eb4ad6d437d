// How the axis `head` is read.
#pragma once

#include "coordinator/sweep/axes.hpp"

namespace thaw {

/// "256-128", none, a list of widths, or a map of pooling, dense, activation and initializer.
Setting read_head(const AxisContext& context, const YAML::Node& node);

/// [256, 128] could be two heads or one of two layers: the user has to say which.
void refuse_ambiguous_head(const YamlReader& reader, const YAML::Node& list);

}  // namespace thaw
