// How the axes of the training's loss are read, and held against the classes that there are.
#pragma once

#include <string>
#include <vector>

#include "coordinator/sweep/axes.hpp"

namespace thaw {

/// none, balanced, or a map from class to weight.
Setting read_class_weights(const AxisContext& context, const YAML::Node& node);

/// Throws UserError, with the place in the sweep file, where one of the trials has a loss or class weights that these
/// classes cannot have.
void check_classes(const Sweep& sweep, const std::vector<Trial>& trials, const std::vector<std::string>& classes);

}  // namespace thaw
