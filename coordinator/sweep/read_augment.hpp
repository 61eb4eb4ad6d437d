// Reads the `augment:` words of a sweep.
#pragma once

#include "common/trial/augment.hpp"
#include "coordinator/sweep/yaml_reader.hpp"

namespace thaw {

/// `none`, or a map: `views:` and at least one key that changes an image. What is given but could have no effect is an
/// error too.
Augment read_augment(const YamlReader& reader, const YAML::Node& node);

}  // namespace thaw
