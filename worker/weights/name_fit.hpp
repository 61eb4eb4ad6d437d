// Which of a file's tensors a backbone's layers take by PyTorch's names, whatever dicts and wrappers they lie in.
#pragma once

#include "worker/weights/fit_weights.hpp"

namespace thaw {

WeightsFit find_name_fit(const LayerGraph& graph, const WeightsFile& file);

}  // namespace thaw
