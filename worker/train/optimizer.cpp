#include "worker/train/optimizer.hpp"

#include "worker/train/head_kernel.hpp"
#include "worker/train/model_state.hpp"

namespace thaw {

template <typename Scalar>
FlatOptimizer<Scalar>::FlatOptimizer(const Optimizer& options, double learning_rate, std::size_t parameters)
    : options_(options), learning_rate_(learning_rate), count_(parameters) {
    const int moments = optimizer_moments(options);
    first_.resize(moments >= 1 ? parameters : 0);
    second_.resize(moments >= 2 ? parameters : 0);
}

template <typename Scalar>
void FlatOptimizer<Scalar>::step(Scalar* parameters, const Scalar* gradients) {
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
