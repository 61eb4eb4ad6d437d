// The optimizers' formulas, Keras' and PyTorch's, one parameter at a time. Included by head_kernel_code.cpp alone, once
// for each instruction set: hence nothing here may be visible outside.
#pragma once

#include <limits>
#include <type_traits>

#include "worker/heads/head_kernel.hpp"

namespace thaw {
namespace {

inline float root(float x) {
    return __builtin_sqrtf(x);
}
inline double root(double x) {
    return __builtin_sqrt(x);
}

/// Rounded to Scalar, but never to 0: the zeros that fill a panel must not become 0/0.
template <typename Scalar>
Scalar positive(double epsilon) {
    constexpr Scalar kSmallest = std::numeric_limits<Scalar>::min();
    return static_cast<Scalar>(epsilon) < kSmallest ? kSmallest : static_cast<Scalar>(epsilon);
}

/// Kingma and Ba 2015, in the form in which the bias corrections are folded into the step size (their section 2).
/// PyTorch adds its epsilon to the corrected root: here it is corrected itself, to the same effect.
template <typename Scalar>
struct AdamRule {
    Scalar rate, keep1, take1, keep2, take2, epsilon;

    explicit AdamRule(const OptimizerStep& step) {
        const auto t = static_cast<double>(step.number);
        const double beta1 = step.options.beta1, beta2 = step.options.beta2;
        rate = static_cast<Scalar>(step.learning_rate * __builtin_sqrt(1 - __builtin_pow(beta2, t)) /
                                   (1 - __builtin_pow(beta1, t)));
        keep1 = static_cast<Scalar>(beta1), take1 = static_cast<Scalar>(1 - beta1);
        keep2 = static_cast<Scalar>(beta2), take2 = static_cast<Scalar>(1 - beta2);
        epsilon = positive<Scalar>(step.options.style == OptimizerStyle::keras
                                       ? step.options.epsilon
                                       : step.options.epsilon * __builtin_sqrt(1 - __builtin_pow(beta2, t)));
    }
    void operator()(Scalar g, Scalar& p, Scalar& m, Scalar& v) const {
        m = keep1 * m + take1 * g;
        v = keep2 * v + take2 * g * g;
        p -= rate * m / (root(v) + epsilon);
    }
};

template <typename Scalar>
struct SgdRule {
    Scalar rate;
    explicit SgdRule(const OptimizerStep& step) : rate(static_cast<Scalar>(step.learning_rate)) {}
    void operator()(Scalar g, Scalar& p) const { p -= rate * g; }
};

template <typename Scalar>
struct MomentumRule {
    Scalar rate, momentum;
    explicit MomentumRule(const OptimizerStep& step)
        : rate(static_cast<Scalar>(step.learning_rate)), momentum(static_cast<Scalar>(step.options.momentum)) {}
    void operator()(Scalar g, Scalar& p, Scalar& velocity) const {
        velocity = momentum * velocity - rate * g;
        p += velocity;
    }
};

template <typename Scalar>
struct NesterovRule : MomentumRule<Scalar> {
    using MomentumRule<Scalar>::MomentumRule;
    void operator()(Scalar g, Scalar& p, Scalar& velocity) const {
        velocity = this->momentum * velocity - this->rate * g;
        p += this->momentum * velocity - this->rate * g;
    }
};

/// PyTorch's momentum: the buffer holds gradients, so that another rate is at once that of all of it.
template <typename Scalar>
struct PytorchMomentumRule : MomentumRule<Scalar> {
    using MomentumRule<Scalar>::MomentumRule;
    void operator()(Scalar g, Scalar& p, Scalar& buffer) const {
        buffer = this->momentum * buffer + g;
        p -= this->rate * buffer;
    }
};

template <typename Scalar>
struct PytorchNesterovRule : MomentumRule<Scalar> {
    using MomentumRule<Scalar>::MomentumRule;
    void operator()(Scalar g, Scalar& p, Scalar& buffer) const {
        buffer = this->momentum * buffer + g;
        p -= this->rate * (g + this->momentum * buffer);
    }
};

/// Epsilon inside the root; the momentum buffer holds steps already scaled by the learning rate.
template <typename Scalar>
struct RmspropRule {
    Scalar rate, momentum, keep, take, epsilon;
    explicit RmspropRule(const OptimizerStep& step)
        : rate(static_cast<Scalar>(step.learning_rate)),
          momentum(static_cast<Scalar>(step.options.momentum)),
          keep(static_cast<Scalar>(step.options.rho)),
          take(static_cast<Scalar>(1 - step.options.rho)),
          epsilon(positive<Scalar>(step.options.epsilon)) {}
    void operator()(Scalar g, Scalar& p, Scalar& velocity, Scalar& v) const {
        v = keep * v + take * g * g;
        velocity = momentum * velocity + rate * g / root(v + epsilon);
        p -= velocity;
    }
};

/// Epsilon outside the root; the momentum buffer holds steps without the learning rate.
template <typename Scalar>
struct PytorchRmspropRule : RmspropRule<Scalar> {
    using RmspropRule<Scalar>::RmspropRule;
    void operator()(Scalar g, Scalar& p, Scalar& buffer, Scalar& v) const {
        v = this->keep * v + this->take * g * g;
        buffer = this->momentum * buffer + g / (root(v) + this->epsilon);
        p -= this->rate * buffer;
    }
};

/// What comes before the rule: the gradient is clipped, then the weights decay. Keras takes its share off the weights
/// of every optimizer, PyTorch of AdamW's alone (Loshchilov and Hutter 2019); elsewhere it adds it to the gradient
/// (L2).
template <typename Scalar, typename Rule>
struct AdjustedRule : Rule {
    Scalar largest, added = 0, taken = 0;

    explicit AdjustedRule(const OptimizerStep& step) : Rule(step) {
        const Optimizer& options = step.options;
        const bool decoupled = options.style == OptimizerStyle::keras || options.kind == OptimizerKind::adamw;
        largest = options.clipvalue > 0 ? static_cast<Scalar>(options.clipvalue) : std::numeric_limits<Scalar>::max();
        (decoupled ? taken : added) =
            static_cast<Scalar>(decoupled ? options.weight_decay * step.learning_rate : options.weight_decay);
    }
    template <typename... Moments>
    requires std::is_invocable_v<const Rule&, Scalar, Scalar&, Moments&...>
    void operator()(Scalar g, Scalar& p, Moments&... moments) const {
        g = g > largest ? largest : g < -largest ? -largest : g;
        g += added * p;
        p -= p * taken;
        Rule::operator()(g, p, moments...);
    }
};

/// Calls `use` with the rule, as it is where the sweep asks for no more: its loop stays the shortest there is.
template <typename Rule, typename Scalar, typename Use>
void with_adjustments(const OptimizerStep& step, const Use& use) {
    if (step.options.clipvalue > 0 || step.options.weight_decay > 0)
        use(AdjustedRule<Scalar, Rule>(step));
    else
        use(Rule(step));
}

/// Calls `use` with the rule of this step's optimizer.
template <typename Scalar, typename Use>
void with_rule(const OptimizerStep& step, const Use& use) {
    const bool keras = step.options.style == OptimizerStyle::keras;
    switch (step.options.kind) {
        case OptimizerKind::adam:
        case OptimizerKind::adamw:
            return with_adjustments<AdamRule<Scalar>, Scalar>(step, use);
        case OptimizerKind::sgd:
            if (step.options.momentum <= 0) return with_adjustments<SgdRule<Scalar>, Scalar>(step, use);
            if (step.options.nesterov)
                return keras ? with_adjustments<NesterovRule<Scalar>, Scalar>(step, use)
                             : with_adjustments<PytorchNesterovRule<Scalar>, Scalar>(step, use);
            return keras ? with_adjustments<MomentumRule<Scalar>, Scalar>(step, use)
                         : with_adjustments<PytorchMomentumRule<Scalar>, Scalar>(step, use);
        case OptimizerKind::rmsprop:
            return keras ? with_adjustments<RmspropRule<Scalar>, Scalar>(step, use)
                         : with_adjustments<PytorchRmspropRule<Scalar>, Scalar>(step, use);
    }
}

/// Steps parameters [at, at + count), whose gradients are g[0..count). Moments that the rule does not take may be null.
template <typename Rule, typename Scalar>
inline void apply(const Rule& rule, std::size_t at, std::size_t count, const Scalar* __restrict g, Scalar* __restrict p,
                  Scalar* __restrict first, Scalar* __restrict second) {
    for (std::size_t i = 0; i < count; ++i) {
        if constexpr (std::is_invocable_v<Rule, Scalar, Scalar&>)
            rule(g[i], p[at + i]);
        else if constexpr (std::is_invocable_v<Rule, Scalar, Scalar&, Scalar&>)
            rule(g[i], p[at + i], first[at + i]);
        else
            rule(g[i], p[at + i], first[at + i], second[at + i]);
    }
}

}  // namespace
}  // namespace thaw
