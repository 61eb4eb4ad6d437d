// Adam, AdamW, SGD and RMSprop (optimizer_rules.hpp) over one flat array of parameters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/trial/trial.hpp"

namespace thaw {

template <typename Scalar>
class FlatOptimizer {
  public:
    /// `tensors`: how many of the parameters each tensor has, in their order: what clipnorm is about.
    FlatOptimizer(const Optimizer& options, double learning_rate, const std::vector<std::size_t>& tensors);
    /// Of the steps to come.
    void set_learning_rate(double rate) { learning_rate_ = rate; }
    /// One step; `parameters` and `gradients` are as long as was said. Gradients that are too long are clipped in
    /// place.
    void step(Scalar* parameters, Scalar* gradients);

    /// The moments and the number of steps, as raw bytes.
    std::string state() const;
    /// Throws StageError, and changes nothing, where the state is of an optimizer of other sizes.
    void restore(std::string_view state);

  private:
    Optimizer options_;
    double learning_rate_;
    std::vector<std::size_t> tensors_;
    std::size_t count_;
    long steps_ = 0;
    std::vector<Scalar> first_, second_;  // moments: as many as the optimizer keeps
};

}  // namespace thaw
