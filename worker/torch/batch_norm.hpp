// A trained batch-norm layer with the activation behind it, for autograd.
#pragma once

#include <torch/torch.h>

#include "common/backbones/layer_graph.hpp"
#include "worker/communicator/group.hpp"

namespace thaw {

/// Whether batch_norm() can take this activation in.
bool can_follow_batch_norm(Activation activation);

struct BatchNormLayer {
    const torch::Tensor &weight, &bias;
    torch::Tensor &running_mean, &running_var;
    double momentum, epsilon;
    Activation activation = Activation::none;  // behind it
    Group* group = nullptr;                    // that trains it
};

/// torch::batch_norm on CPU tensors [n, c, h, w] of float or double, then the activation; several times as fast, since
/// the maps are gone through once forward and twice backward. In training the batch's statistics normalize it and go
/// into the running ones (1 - momentum of which stay), else the running ones normalize, without gradients. Where the
/// activation's slope breaks, its gradient is 0, as Keras and torchvision have it. In training with a group, `x` is
/// this member's part of the batch, perhaps empty; the statistics are those of the whole one, and the gradients of
/// weight and bias are this member's share, to be summed over the members.
torch::Tensor batch_norm(const torch::Tensor& x, const BatchNormLayer& layer, bool training);

}  // namespace thaw
