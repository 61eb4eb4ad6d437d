// Adam, SGD and RMSprop over one flat array of parameters, with Keras' formulas and defaults.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "common/trial.hpp"

namespace thaw {

/// A new optimizer is a new case in step(); its state is what it keeps for each parameter between steps.
template <typename Scalar>
class FlatOptimizer {
   public:
    FlatOptimizer(const Optimizer& options, double learning_rate, std::size_t parameters)
        : options_(options), learning_rate_(learning_rate) {
        first_.assign(options.kind != OptimizerKind::sgd || options.momentum > 0 ? parameters : 0, Scalar{0});
        second_.assign(options.kind == OptimizerKind::adam || options.kind == OptimizerKind::rmsprop ? parameters : 0,
                       Scalar{0});
    }

    void step(Scalar* parameters, const Scalar* gradients, std::size_t count) {
        ++steps_;
        switch (options_.kind) {
            case OptimizerKind::adam: return adam(parameters, gradients, count);
            case OptimizerKind::sgd: return sgd(parameters, gradients, count);
            case OptimizerKind::rmsprop: return rmsprop(parameters, gradients, count);
        }
    }

   private:
    /// Kingma and Ba 2015, in the form in which the bias corrections are folded into the step size (their section 2),
    /// which is also Keras'.
    void adam(Scalar* __restrict p, const Scalar* __restrict g, std::size_t count) {
        const auto t = static_cast<double>(steps_);
        const double correction = std::sqrt(1 - std::pow(options_.beta2, t)) / (1 - std::pow(options_.beta1, t));
        const auto rate = static_cast<Scalar>(learning_rate_ * correction);
        const auto keep1 = static_cast<Scalar>(options_.beta1), keep2 = static_cast<Scalar>(options_.beta2);
        const auto take1 = static_cast<Scalar>(1 - options_.beta1), take2 = static_cast<Scalar>(1 - options_.beta2);
        const auto epsilon = static_cast<Scalar>(options_.epsilon);
        Scalar* __restrict m = first_.data();
        Scalar* __restrict v = second_.data();
        for (std::size_t i = 0; i < count; ++i) {
            m[i] = keep1 * m[i] + take1 * g[i];
            v[i] = keep2 * v[i] + take2 * g[i] * g[i];
            p[i] -= rate * m[i] / (std::sqrt(v[i]) + epsilon);
        }
    }

    void sgd(Scalar* __restrict p, const Scalar* __restrict g, std::size_t count) {
        const auto rate = static_cast<Scalar>(learning_rate_), momentum = static_cast<Scalar>(options_.momentum);
        if (first_.empty()) {
            for (std::size_t i = 0; i < count; ++i) p[i] -= rate * g[i];
            return;
        }
        Scalar* __restrict velocity = first_.data();
        for (std::size_t i = 0; i < count; ++i) {
            velocity[i] = momentum * velocity[i] - rate * g[i];
            p[i] += options_.nesterov ? momentum * velocity[i] - rate * g[i] : velocity[i];
        }
    }

    /// Keras': epsilon inside the root, the momentum buffer holds steps already scaled by the learning rate.
    void rmsprop(Scalar* __restrict p, const Scalar* __restrict g, std::size_t count) {
        const auto rate = static_cast<Scalar>(learning_rate_), momentum = static_cast<Scalar>(options_.momentum);
        const auto keep = static_cast<Scalar>(options_.rho), take = static_cast<Scalar>(1 - options_.rho);
        const auto epsilon = static_cast<Scalar>(options_.epsilon);
        Scalar* __restrict velocity = first_.data();
        Scalar* __restrict v = second_.data();
        for (std::size_t i = 0; i < count; ++i) {
            v[i] = keep * v[i] + take * g[i] * g[i];
            velocity[i] = momentum * velocity[i] + rate * g[i] / std::sqrt(v[i] + epsilon);
            p[i] -= velocity[i];
        }
    }

    Optimizer options_;
    double learning_rate_;
    long steps_ = 0;
    std::vector<Scalar> first_, second_;  // moments, or velocity and mean square
};

}  // namespace thaw
