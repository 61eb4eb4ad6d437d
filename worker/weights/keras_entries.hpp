// The weights that Keras Applications publishes, as rows of the registry.
#pragma once

#include "worker/weights/registry.hpp"

namespace thaw {

const std::vector<WeightsEntry>& keras_entries();

}  // namespace thaw
