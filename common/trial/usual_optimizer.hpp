// What an optimizer is where a sweep says no more than its kind and whose formulas it follows.
#pragma once

#include "common/trial/trial.hpp"

namespace thaw {

/// Keras' defaults or PyTorch's, but for momentum, which is 0 in both.
inline Optimizer usual_optimizer(OptimizerKind kind, OptimizerStyle style) {
    const bool keras = style == OptimizerStyle::keras;
    Optimizer usual{.kind = kind, .style = style};
    if (!keras) {
        usual.epsilon = 1e-8;
        usual.rho = 0.99;  // RMSprop's alpha
    }
    if (kind == OptimizerKind::adamw) usual.weight_decay = keras ? 0.004 : 0.01;
    return usual;
}

}  // namespace thaw
