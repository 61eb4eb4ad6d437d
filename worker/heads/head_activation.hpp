// The activations behind a head's hidden layers, as Keras 3 defines them (keras.activations): leaky_relu's slope is
// 0.2, elu's alpha 1, gelu is the exact one, by erf; worker/network has the same for tensors (`activate`).
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>

#include "common/trial/trial.hpp"
#include "common/util/error.hpp"

namespace thaw {

/// Of Klambauer and others: "Self-normalizing neural networks", 2017.
constexpr double kSeluScale = 1.0507009873554804934193349852946, kSeluAlpha = 1.6732632423543772848170429916717;
constexpr double kLeak = 0.2;

/// Puts f(values[i]) * mask[i] in the place of a layer's linear outputs `values`, and its derivative in that of a
/// dropout mask: f'(values[i]) * mask[i].
template <typename Scalar>
void activate_and_mask(HeadActivation activation, std::size_t count, Scalar* values, Scalar* mask) {
    const auto apply = [&](const auto& function) {
        for (std::size_t i = 0; i < count; ++i) {
            Scalar slope{1};
            values[i] = function(values[i], slope) * mask[i];
            mask[i] *= slope;
        }
    };
    const auto sigmoid = [](Scalar x) { return 1 / (1 + std::exp(-x)); };
    const auto exponential_below_0 = [&](Scalar scale, Scalar alpha) {
        apply([=](Scalar x, Scalar& slope) {
            if (x <= 0) slope = scale * alpha * std::exp(x);
            if (x > 0) slope = scale;
            return x > 0 ? scale * x : scale * alpha * std::expm1(x);
        });
    };
    switch (activation) {
        case HeadActivation::relu:
            return apply([](Scalar x, Scalar& slope) {
                slope = x > 0 ? Scalar{1} : Scalar{0};
                return x > 0 ? x : Scalar{0};
            });
        case HeadActivation::leaky_relu:
            return apply([](Scalar x, Scalar& slope) {
                slope = x > 0 ? Scalar{1} : static_cast<Scalar>(kLeak);
                return x * slope;
            });
        case HeadActivation::elu:
            return exponential_below_0(1, 1);
        case HeadActivation::selu:
            return exponential_below_0(static_cast<Scalar>(kSeluScale), static_cast<Scalar>(kSeluAlpha));
        case HeadActivation::gelu:
            return apply([](Scalar x, Scalar& slope) {
                constexpr auto kRootHalf = static_cast<Scalar>(1 / std::numbers::sqrt2);
                constexpr auto kDensity = static_cast<Scalar>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
                const Scalar below = (1 + std::erf(x * kRootHalf)) / 2;  // the normal distribution's
                slope = below + x * kDensity * std::exp(-x * x / 2);
                return x * below;
            });
        case HeadActivation::silu:
            return apply([&](Scalar x, Scalar& slope) {
                const Scalar gate = sigmoid(x);
                slope = gate * (1 + x * (1 - gate));
                return x * gate;
            });
        case HeadActivation::tanh:
            return apply([](Scalar x, Scalar& slope) {
                const Scalar value = std::tanh(x);
                slope = 1 - value * value;
                return value;
            });
        case HeadActivation::sigmoid:
            return apply([&](Scalar x, Scalar& slope) {
                const Scalar value = sigmoid(x);
                slope = value * (1 - value);
                return value;
            });
        case HeadActivation::linear:
            return apply([](Scalar x, Scalar&) { return x; });
    }
    THAW_CHECK(false, "activation {}", static_cast<int>(activation));
}

}  // namespace thaw
