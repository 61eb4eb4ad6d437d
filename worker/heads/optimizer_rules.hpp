// The optimizers' formulas, Keras' and PyTorch's, for one parameter at a time or whole tensors. Included by
// head_kernel_code.cpp, once for each instruction set, hence nothing here may be visible outside; and by
// worker/torch/torch_optimizer.cpp.
#pragma once

#include <limits>
#include <type_traits>

#include "worker/heads/head_kernel.hpp"

namespace thaw {
namespace {

/// What rules calculate with: numbers here, whole tensors in worker/torch/torch_optimizer.cpp.
template <typename Value>
struct Arithmetic {
    using Constant = Value;
    static constexpr Value kSmallest = std::numeric_limits<Value>::min();
    static Value root(Value x) {
        if constexpr (sizeof(Value) == sizeof(float)) return __builtin_sqrtf(x);
        return __builtin_sqrt(x);
    }
};
template <typename Value>
using Constant = typename Arithmetic<Value>::Constant;

template <typename Value>
Value root(const Value& x) {
    return Arithmetic<Value>::root(x);
}

/// Rounded as constants are, but never to 0: the zeros that fill a panel must not become 0/0.
template <typename Value>
Constant<Value> positive(double epsilon) {
    constexpr Constant<Value> kSmallest = Arithmetic<Value>::kSmallest;
    return static_cast<Constant<Value>>(epsilon) < kSmallest ? kSmallest : static_cast<Constant<Value>>(epsilon);
}

/// Kingma and Ba 2015, in the form in which the bias corrections are folded into the step size (their section 2).
/// PyTorch adds its epsilon to the corrected root: here it is corrected itself, to the same effect.
template <typename Value>
struct AdamRule {
    Constant<Value> rate, keep1, take1, keep2, take2, epsilon;

    explicit AdamRule(const OptimizerStep& step) {
        const auto t = static_cast<double>(step.number);
        const double beta1 = step.options.beta1, beta2 = step.options.beta2;
        rate = static_cast<Constant<Value>>(step.learning_rate * __builtin_sqrt(1 - __builtin_pow(beta2, t)) /
                                            (1 - __builtin_pow(beta1, t)));
        keep1 = static_cast<Constant<Value>>(beta1), take1 = static_cast<Constant<Value>>(1 - beta1);
        keep2 = static_cast<Constant<Value>>(beta2), take2 = static_cast<Constant<Value>>(1 - beta2);
        epsilon = positive<Value>(step.options.style == OptimizerStyle::keras
                                      ? step.options.epsilon
                                      : step.options.epsilon * __builtin_sqrt(1 - __builtin_pow(beta2, t)));
    }
    void operator()(Value g, Value& p, Value& m, Value& v) const {
        m = keep1 * m + take1 * g;
        v = keep2 * v + take2 * g * g;
        p -= rate * m / (root(v) + epsilon);
    }
};

template <typename Value>
struct SgdRule {
    Constant<Value> rate;
    explicit SgdRule(const OptimizerStep& step) : rate(static_cast<Constant<Value>>(step.learning_rate)) {}
    void operator()(Value g, Value& p) const { p -= rate * g; }
};

template <typename Value>
struct MomentumRule {
    Constant<Value> rate, momentum;
    explicit MomentumRule(const OptimizerStep& step)
        : rate(static_cast<Constant<Value>>(step.learning_rate)),
          momentum(static_cast<Constant<Value>>(step.options.momentum)) {}
    void operator()(Value g, Value& p, Value& velocity) const {
        velocity = momentum * velocity - rate * g;
        p += velocity;
    }
};

template <typename Value>
struct NesterovRule : MomentumRule<Value> {
    using MomentumRule<Value>::MomentumRule;
    void operator()(Value g, Value& p, Value& velocity) const {
        velocity = this->momentum * velocity - this->rate * g;
        p += this->momentum * velocity - this->rate * g;
    }
};

/// PyTorch's momentum: the buffer holds gradients, so that another rate is at once that of all of it.
template <typename Value>
struct PytorchMomentumRule : MomentumRule<Value> {
    using MomentumRule<Value>::MomentumRule;
    void operator()(Value g, Value& p, Value& buffer) const {
        buffer = this->momentum * buffer + g;
        p -= this->rate * buffer;
    }
};

template <typename Value>
struct PytorchNesterovRule : MomentumRule<Value> {
    using MomentumRule<Value>::MomentumRule;
    void operator()(Value g, Value& p, Value& buffer) const {
        buffer = this->momentum * buffer + g;
        p -= this->rate * (g + this->momentum * buffer);
    }
};

/// Epsilon inside the root; the momentum buffer holds steps already scaled by the learning rate.
template <typename Value>
struct RmspropRule {
    Constant<Value> rate, momentum, keep, take, epsilon;
    explicit RmspropRule(const OptimizerStep& step)
        : rate(static_cast<Constant<Value>>(step.learning_rate)),
          momentum(static_cast<Constant<Value>>(step.options.momentum)),
          keep(static_cast<Constant<Value>>(step.options.rho)),
          take(static_cast<Constant<Value>>(1 - step.options.rho)),
          epsilon(positive<Value>(step.options.epsilon)) {}
    void operator()(Value g, Value& p, Value& velocity, Value& v) const {
        v = keep * v + take * g * g;
        velocity = momentum * velocity + rate * g / root(v + epsilon);
        p -= velocity;
    }
};

/// Epsilon outside the root; the momentum buffer holds steps without the learning rate.
template <typename Value>
struct PytorchRmspropRule : RmspropRule<Value> {
    using RmspropRule<Value>::RmspropRule;
    void operator()(Value g, Value& p, Value& buffer, Value& v) const {
        v = this->keep * v + this->take * g * g;
        buffer = this->momentum * buffer + g / (root(v) + this->epsilon);
        p -= this->rate * buffer;
    }
};

/// Whether weights decay before the step, and not by their gradient (L2): Keras takes its share off the weights of
/// every optimizer, PyTorch of AdamW's alone (Loshchilov and Hutter 2019).
inline bool decays_apart(const Optimizer& options) {
    return options.style == OptimizerStyle::keras || options.kind == OptimizerKind::adamw;
}

/// What comes before the rule: the gradient is clipped, then the weights decay.
template <typename Scalar, typename Rule>
struct AdjustedRule : Rule {
    Scalar largest, added = 0, taken = 0;

    explicit AdjustedRule(const OptimizerStep& step) : Rule(step) {
        const Optimizer& options = step.options;
        const bool decoupled = decays_apart(options);
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

/// Calls `use` with the rule of this step's optimizer.
template <typename Value, typename Use>
void with_rule(const OptimizerStep& step, const Use& use) {
    const bool keras = step.options.style == OptimizerStyle::keras;
    switch (step.options.kind) {
        case OptimizerKind::adam:
        case OptimizerKind::adamw:
            return use(AdamRule<Value>(step));
        case OptimizerKind::sgd:
            if (step.options.momentum <= 0) return use(SgdRule<Value>(step));
            if (step.options.nesterov)
                return keras ? use(NesterovRule<Value>(step)) : use(PytorchNesterovRule<Value>(step));
            return keras ? use(MomentumRule<Value>(step)) : use(PytorchMomentumRule<Value>(step));
        case OptimizerKind::rmsprop:
            return keras ? use(RmspropRule<Value>(step)) : use(PytorchRmspropRule<Value>(step));
    }
}

/// With adjustments only where the sweep asks for them: without, a rule's loop stays the shortest there is.
template <typename Scalar, typename Use>
void with_adjusted_rule(const OptimizerStep& step, const Use& use) {
    with_rule<Scalar>(step, [&]<typename Rule>(const Rule& rule) {
        if (step.options.clipvalue > 0 || step.options.weight_decay > 0)
            use(AdjustedRule<Scalar, Rule>(step));
        else
            use(rule);
    });
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
