#include "worker/heads/optimizer.hpp"

#include <numeric>

#include "worker/heads/clipping.hpp"
#include "worker/heads/model_state.hpp"

namespace thaw {

template <typename Scalar>
FlatOptimizer<Scalar>::FlatOptimizer(const Optimizer& options, double learning_rate,
                                     const std::vector<std::size_t>& tensors)
    : options_(options),
      learning_rate_(learning_rate),
      tensors_(tensors),
      count_(std::accumulate(tensors.begin(), tensors.end(), std::size_t{0})) {
    const int moments = optimizer_moments(options);
    first_.resize(moments >= 1 ? count_ : 0);
    second_.resize(moments >= 2 ? count_ : 0);
}

template <typename Scalar>
void FlatOptimizer<Scalar>::step(Scalar* parameters, Scalar* gradients) {
    if (clips_by_norm(options_)) {
        std::vector<std::span<Scalar>> tensors;
        for (std::size_t at = 0; const std::size_t size : tensors_) {
            tensors.emplace_back(gradients + at, size);
            at += size;
        }
        clip_by_norm<Scalar>(options_, tensors);
    }
    best_head_kernel<Scalar>().update({options_, learning_rate_, ++steps_}, count_, gradients, parameters,
                                      first_.data(), second_.data());
}

template <typename Scalar>
std::string FlatOptimizer<Scalar>::state() const {
    return join_state({bytes_of(steps_), bytes_of(first_), bytes_of(second_)});
}

template <typename Scalar>
void FlatOptimizer<Scalar>::restore(std::string_view state) {
    const auto parts = split_state(state, {bytes_of(steps_).size(), bytes_of(first_).size(), bytes_of(second_).size()});
    copy_bytes(parts[0], steps_);
    copy_bytes(parts[1], first_);
    copy_bytes(parts[2], second_);
}

template class FlatOptimizer<float>;
template class FlatOptimizer<double>;

}  // namespace thaw
