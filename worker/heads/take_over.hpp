// How a training goes on from an earlier phase: with its weights, and nothing else of it.
#pragma once

#include "worker/heads/trajectory.hpp"

namespace thaw {

/// Gives a new model what an earlier phase has trained; what that phase left frozen stays as it was before, the
/// optimizer is at its beginning. Throws StageError where a tensor is none of the model's.
void take_over(Model& model, TensorMap trained);

}  // namespace thaw
