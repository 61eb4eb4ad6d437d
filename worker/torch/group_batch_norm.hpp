// Batch-norm in training over the batch of a whole group, on any device: what GPUs take, where batch_norm.hpp is the
// CPU's.
#pragma once

#include <torch/torch.h>

#include "worker/communicator/group.hpp"

namespace thaw {

/// torch::batch_norm in training, x being this member's part [n, c, h, w] of the batch. Collective, and so is its
/// backward pass.
torch::Tensor group_batch_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                               torch::Tensor& running_mean, torch::Tensor& running_var, double momentum, double epsilon,
                               Group& group);

}  // namespace thaw
