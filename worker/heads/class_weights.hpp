// From what a trial says of its classes' weights to a number for each class.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/trial/trial.hpp"

namespace thaw {

/// In the classes' order; empty where all are 1. `labels`: of the training images. balanced: images / (classes * images
/// of the class), as scikit-learn's compute_class_weight; a class without training images has 1, which nobody reads.
std::vector<double> class_weights(const ClassWeights& weights, const std::vector<std::string>& classes,
                                  std::span<const int> labels);

}  // namespace thaw
