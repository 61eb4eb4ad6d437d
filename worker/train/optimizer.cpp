#include "worker/train/optimizer.hpp"

#include <cmath>

namespace thaw {

template <typename Scalar>
FlatOptimizer<Scalar>::FlatOptimizer(const Optimizer& options, double learning_rate, std::size_t parameters)
    : options_(options), learning_rate_(learning_rate), count_(parameters) {
    first_.assign(options.kind != OptimizerKind::sgd || options.momentum > 0 ? parameters : 0, Scalar{0});
    second_.assign(options.kind != OptimizerKind::sgd ? parameters : 0, Scalar{0});
}

template <typename Scalar>
void FlatOptimizer<Scalar>::step(Scalar* parameters, const Scalar* gradients) {
    ++steps_;
    switch (options_.kind) {
        case OptimizerKind::adam:
            return adam(parameters, gradients);
        case OptimizerKind::sgd:
            return sgd(parameters, gradients);
        case OptimizerKind::rmsprop:
            return rmsprop(parameters, gradients);
    }
}

/// Kingma and Ba 2015, in the form in which the bias corrections are folded into the step size (their section 2),
/// which is also Keras'.
template <typename Scalar>
void FlatOptimizer<Scalar>::adam(Scalar* __restrict p, const Scalar* __restrict g) {
    const auto t = static_cast<double>(steps_);
    const double correction = std::sqrt(1 - std::pow(options_.beta2, t)) / (1 - std::pow(options_.beta1, t));
    const auto rate = static_cast<Scalar>(learning_rate_ * correction);
    const auto keep1 = static_cast<Scalar>(options_.beta1), keep2 = static_cast<Scalar>(options_.beta2);
    const auto take1 = static_cast<Scalar>(1 - options_.beta1), take2 = static_cast<Scalar>(1 - options_.beta2);
    const auto epsilon = static_cast<Scalar>(options_.epsilon);
    Scalar* __restrict m = first_.data();
    Scalar* __restrict v = second_.data();
    for (std::size_t i = 0; i < count_; ++i) {
        m[i] = keep1 * m[i] + take1 * g[i];
        v[i] = keep2 * v[i] + take2 * g[i] * g[i];
        p[i] -= rate * m[i] / (std::sqrt(v[i]) + epsilon);
    }
}

template <typename Scalar>
void FlatOptimizer<Scalar>::sgd(Scalar* __restrict p, const Scalar* __restrict g) {
    const auto rate = static_cast<Scalar>(learning_rate_), momentum = static_cast<Scalar>(options_.momentum);
    if (first_.empty()) {
        for (std::size_t i = 0; i < count_; ++i) p[i] -= rate * g[i];
        return;
    }
    Scalar* __restrict velocity = first_.data();
    for (std::size_t i = 0; i < count_; ++i) {
        velocity[i] = momentum * velocity[i] - rate * g[i];
        p[i] += options_.nesterov ? momentum * velocity[i] - rate * g[i] : velocity[i];
    }
}

/// Keras': epsilon inside the root, the momentum buffer holds steps already scaled by the learning rate.
template <typename Scalar>
void FlatOptimizer<Scalar>::rmsprop(Scalar* __restrict p, const Scalar* __restrict g) {
    const auto rate = static_cast<Scalar>(learning_rate_), momentum = static_cast<Scalar>(options_.momentum);
    const auto keep = static_cast<Scalar>(options_.rho), take = static_cast<Scalar>(1 - options_.rho);
    const auto epsilon = static_cast<Scalar>(options_.epsilon);
    Scalar* __restrict velocity = first_.data();
    Scalar* __restrict v = second_.data();
    for (std::size_t i = 0; i < count_; ++i) {
        v[i] = keep * v[i] + take * g[i] * g[i];
        velocity[i] = momentum * velocity[i] + rate * g[i] / std::sqrt(v[i] + epsilon);
        p[i] -= velocity[i];
    }
}

template class FlatOptimizer<float>;
template class FlatOptimizer<double>;

}  // namespace thaw
