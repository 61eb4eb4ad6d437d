// FlatOptimizer for parameters on a GPU: the same rules on one flat tensor.
#pragma once

#include <torch/torch.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/trial/trial.hpp"

namespace thaw {

/// Rounds otherwise than FlatOptimizer, and that is all: the state has the same bytes at the same places.
class TorchOptimizer {
  public:
    /// `like`: a tensor of the parameters' length, type and device; `tensors` as FlatOptimizer has them.
    TorchOptimizer(const Optimizer& options, double learning_rate, const std::vector<std::size_t>& tensors,
                   const torch::Tensor& like);
    void set_learning_rate(double rate) { rate_ = rate; }
    /// One step; both are flat.
    void step(torch::Tensor& parameters, const torch::Tensor& gradients);

    std::string state() const;
    /// Throws StageError, and changes nothing, where the state is of an optimizer of other sizes.
    void restore(std::string_view state);

  private:
    /// The gradients as the rule wants them: clipped, and with the weights' decay where that is added to them.
    torch::Tensor adjusted(torch::Tensor& parameters, const torch::Tensor& gradients) const;
    torch::Tensor clipped(const torch::Tensor& gradients) const;

    Optimizer options_;
    double rate_;
    std::vector<std::int64_t> tensors_;
    long steps_ = 0;
    torch::Tensor first_, second_;  // moments: empty where the optimizer keeps fewer
};

}  // namespace thaw
