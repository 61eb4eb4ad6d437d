// The optimizers that golden/keras_optimizers.json has, by its names (optimizer_name()'s).
#pragma once

#include <map>
#include <string>

#include "common/trial/trial.hpp"

namespace thaw {

inline std::map<std::string, Optimizer> golden_optimizers() {
    using enum OptimizerKind;
    std::map<std::string, Optimizer> named;
    for (const Optimizer& optimizer : {
             Optimizer{.kind = adam},
             Optimizer{.kind = adam, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 0.001},
             Optimizer{.kind = sgd},
             Optimizer{.kind = sgd, .momentum = 0.9},
             Optimizer{.kind = sgd, .momentum = 0.9, .nesterov = true},
             Optimizer{.kind = rmsprop},
             Optimizer{.kind = rmsprop, .momentum = 0.9},
             Optimizer{.kind = rmsprop, .rho = 0.8, .epsilon = 0.001},
         })
        named[optimizer_name(optimizer)] = optimizer;
    return named;
}

}  // namespace thaw
