// Sums gradients over the members of a group while the backward pass is still at work on the layers before.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <span>
#include <vector>

#include "worker/communicator/group.hpp"

namespace thaw {

/// Gradients lie in one flat array, parameter after parameter; a bucket is a stretch of it, and its sum starts when
/// the last of its parameters has its gradient. As PyTorch's DistributedDataParallel does it: Li et al., PyTorch
/// Distributed (VLDB 2020), section 3.2.
template <typename Scalar>
class GradientBuckets {
  public:
    struct Parameter {
        torch::Tensor leaf;
        std::size_t begin, size;  // of its gradient in the flat array
    };

    /// `parameters` in the order in which the backward pass comes to them. One object for a parameter's life.
    GradientBuckets(Group& group, std::span<Scalar> gradients, const std::vector<Parameter>& parameters);
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
    std::size_t started_ = 0;                                           // the first buckets, in this step
    std::vector<std::shared_ptr<torch::autograd::Node>> accumulators_;  // kept, or their hooks go with them
};

}  // namespace thaw
