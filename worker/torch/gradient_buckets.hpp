// Sums gradients over the members of a group while the backward pass is still at work on the layers before.
#pragma once

#include <torch/csrc/autograd/variable.h>
#include <torch/torch.h>

#include <span>
#include <utility>
#include <vector>

#include "worker/communicator/group.hpp"

namespace thaw {

/// Gradients lie in one flat array, parameter after parameter; a bucket is a stretch of it, and its sum starts when
/// the last of its parameters has its gradient. As PyTorch's DistributedDataParallel does it: Li et al., PyTorch
/// Distributed (VLDB 2020), section 3.2.
template <typename Scalar>
class GradientBuckets {
  public:
    /// `leaves`: the parameters, whose gradients are views into `gradients`, in the order in which the backward pass
    /// comes to them. One object for a parameter's life.
    GradientBuckets(Group& group, std::span<Scalar> gradients, const std::vector<torch::Tensor>& leaves);
    GradientBuckets(const GradientBuckets&) = delete;  // hooks point here
    GradientBuckets& operator=(const GradientBuckets&) = delete;

    void begin_step();
    /// After backward(): returns when the gradients are the sums.
    void finish_step();

  private:
    struct Bucket {
        std::size_t begin = 0, end = 0;
        int parameters = 0, missing = 0;
    };
    void ready(std::size_t bucket);
    void start_complete_buckets();

    Group& group_;
    std::span<Scalar> gradients_;
    std::vector<Bucket> buckets_;
    std::size_t started_ = 0;  // the first buckets, in this step
    /// A pointer that is not the same in all LibTorches. Kept, or their hooks go with them.
    std::vector<decltype(torch::autograd::impl::grad_accumulator(std::declval<torch::Tensor>()))> accumulators_;
};

}  // namespace thaw
