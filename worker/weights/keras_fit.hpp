// Which tensors of a file in Keras' layout a backbone's layers take.
#pragma once

#include "worker/weights/fit_weights.hpp"

namespace thaw {

WeightsFit find_keras_fit(const LayerGraph& graph, const WeightsFile& file);

}  // namespace thaw
