#include "worker/torch/gradient_buckets.hpp"

#include <torch/csrc/autograd/utils/lambda_post_hook.h>

#include <algorithm>
#include <memory>

#include "common/util/error.hpp"

namespace thaw {
namespace {

/// Large enough that a sum's latency does not matter, small enough that the first starts early.
constexpr std::size_t kBucketBytes = 1 << 20;

}  // namespace

template <typename Scalar>
GradientBuckets<Scalar>::GradientBuckets(Group& group, std::span<Scalar> gradients,
                                         const std::vector<torch::Tensor>& leaves)
    : group_(group), gradients_(gradients) {
    for (const torch::Tensor& leaf : leaves) {
        const auto begin = static_cast<std::size_t>(leaf.grad().data_ptr<Scalar>() - gradients.data());
        const std::size_t end = begin + static_cast<std::size_t>(leaf.numel());
        const bool opens = buckets_.empty() ||
                           (buckets_.back().end - buckets_.back().begin) * sizeof(Scalar) >= kBucketBytes ||
                           (buckets_.back().begin != end && buckets_.back().end != begin);
        if (opens) buckets_.push_back({begin, end});
        Bucket& bucket = buckets_.back();
        bucket.begin = std::min(bucket.begin, begin);
        bucket.end = std::max(bucket.end, end);
        ++bucket.parameters;
        accumulators_.push_back(torch::autograd::impl::grad_accumulator(leaf));
        accumulators_.back()->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
            [this, index = buckets_.size() - 1](const torch::autograd::variable_list& outputs,
                                                const torch::autograd::variable_list&) {
                ready(index);
                return outputs;
            }));
    }
}

template <typename Scalar>
void GradientBuckets<Scalar>::begin_step() {
    started_ = 0;
    for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters;
}

template <typename Scalar>
void GradientBuckets<Scalar>::ready(std::size_t bucket) {
    --buckets_[bucket].missing;
    start_complete_buckets();
}

/// In their order, whichever is complete first: members must agree.
template <typename Scalar>
void GradientBuckets<Scalar>::start_complete_buckets() {
    for (; started_ < buckets_.size() && buckets_[started_].missing == 0; ++started_) {
        const Bucket& bucket = buckets_[started_];
        group_.start_all_reduce_sum(gradients_.subspan(bucket.begin, bucket.end - bucket.begin));
    }
}

template <typename Scalar>
void GradientBuckets<Scalar>::finish_step() {
    THAW_CHECK(started_ == buckets_.size(), "{} of {} buckets have their gradients", started_, buckets_.size());
    group_.finish();
}

template class GradientBuckets<float>;
template class GradientBuckets<double>;

}  // namespace thaw
