// FlatOptimizer for parameters on a GPU: the same formulas as LibTorch's operations on one flat tensor.
#pragma once

#include <torch/torch.h>

#include <string>
#include <string_view>

#include "common/trial.hpp"

namespace thaw {

/// Rounds otherwise than FlatOptimizer, and that is all: the state has the same bytes at the same places.
class TorchOptimizer {
  public:
    /// `like`: a tensor of the parameters' length, type and device.
    TorchOptimizer(const Optimizer& options, double learning_rate, const torch::Tensor& like);
    /// One step; both are flat.
    void step(torch::Tensor& parameters, const torch::Tensor& gradients);

    std::string state() const;
    /// Throws StageError, and changes nothing, where the state is of an optimizer of other sizes.
    void restore(std::string_view state);

  private:
    void adam(torch::Tensor& parameters, const torch::Tensor& gradients);
    void sgd(torch::Tensor& parameters, const torch::Tensor& gradients);
    void rmsprop(torch::Tensor& parameters, const torch::Tensor& gradients);

    Optimizer options_;
    double rate_, epsilon_;
    long steps_ = 0;
    torch::Tensor first_, second_;  // moments: empty where the optimizer keeps fewer
};

}  // namespace thaw
