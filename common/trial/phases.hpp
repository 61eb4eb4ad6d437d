// How the epochs of a training in several phases are counted.
#pragma once

#include <numeric>

#include "common/trial/trial.hpp"

namespace thaw {

/// Epochs of all phases before the trial's own. What the trial's epoch e draws at random (the images' order, dropout,
/// augmentation) is that of epoch epochs_before(trial) + e: a boundary between phases that change nothing is none.
inline int epochs_before(const Trial& trial) {
    return std::accumulate(trial.phases.begin(), trial.phases.end(), 0,
                           [](int sum, const Phase& phase) { return sum + phase.epochs; });
}

}  // namespace thaw
