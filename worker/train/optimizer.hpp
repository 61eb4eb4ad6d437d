// Adam, SGD and RMSprop over one flat array of parameters, with Keras' formulas and defaults.
#pragma once

#include <cstddef>
#include <vector>

#include "common/trial.hpp"

namespace thaw {

/// A new optimizer is a new case in step(); its state is what it keeps for each parameter between steps.
template <typename Scalar>
class FlatOptimizer {
  public:
    FlatOptimizer(const Optimizer& options, double learning_rate, std::size_t parameters);
    /// One step; `parameters` and `gradients` are as long as was said.
    void step(Scalar* parameters, const Scalar* gradients);

  private:
    void adam(Scalar* parameters, const Scalar* gradients);
    void sgd(Scalar* parameters, const Scalar* gradients);
    void rmsprop(Scalar* parameters, const Scalar* gradients);

    Optimizer options_;
    double learning_rate_;
    std::size_t count_;
    long steps_ = 0;
    std::vector<Scalar> first_, second_;  // moments, or velocity and mean square
};

}  // namespace thaw
