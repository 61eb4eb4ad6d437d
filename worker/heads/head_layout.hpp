// The classifier's parameters as one flat array: where each dense layer lies, how it starts, and its dropout masks.
// Shared by the kernel that trains heads alone and by autograd that trains them with a tail, so that both mean the
// same.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "common/trial/trial.hpp"
#include "common/util/error.hpp"
#include "common/util/random.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// y[batch, outputs] = x[batch, inputs] * weight[outputs, inputs]^T + bias[outputs]
struct DenseShape {
    int inputs = 0, outputs = 0;
    std::size_t weight = 0, bias = 0;  // offsets into the flat array
};

struct HeadLayout {
    std::vector<DenseShape> layers;  // hidden ones, then the one that gives the logits
    std::size_t parameters = 0;

    HeadLayout(int inputs, const std::vector<int>& widths, int classes) {
        const auto add = [&](int from, int to) {
            const std::size_t weights = static_cast<std::size_t>(from) * static_cast<std::size_t>(to);
            layers.push_back({from, to, parameters, parameters + weights});
            parameters += weights + static_cast<std::size_t>(to);
            return to;
        };
        for (const int width : widths) inputs = add(inputs, width);
        add(inputs, classes);
    }
};

/// The classes that a head tells apart, and how much an image of each counts in the training loss.
struct TargetClasses {
    int count;
    std::vector<double> weights;  // empty: all 1
    TargetClasses(int classes, std::vector<double> class_weights = {})
        : count(classes), weights(std::move(class_weights)) {}
};

/// How many outputs the last layer has. A binary loss has one, the second class' logit; the first's is 0 then, so that
/// softmax over both is its sigmoid, and all that is said of logits holds for it too.
inline int head_outputs(const Trial& trial, int classes) {
    return trial.loss == Loss::binary_crossentropy ? 1 : classes;
}

/// What the loss wants of a class' probability: Keras' label_smoothing, of CategoricalCrossentropy as of
/// BinaryCrossentropy, which is the same over the two classes.
struct SmoothedTarget {
    double right, wrong;  // of the label's class, of each other
    SmoothedTarget(double smoothing, int classes)
        : right(1 - smoothing + smoothing / classes), wrong(smoothing / classes) {}
};

/// The parameters, [outputs, inputs] and [outputs], as head.0.weight, head.0.bias, head.1.weight...
template <typename Scalar>
void add_head_tensors(const HeadLayout& layout, const Scalar* parameters, TensorMap& tensors) {
    for (std::size_t l = 0; l < layout.layers.size(); ++l) {
        const DenseShape& layer = layout.layers[l];
        const std::string name = "head." + std::to_string(l);
        const auto copy = [&](std::size_t begin, std::size_t end) {
            return std::vector<float>(parameters + begin, parameters + end);
        };
        tensors[name + ".weight"] = {{layer.outputs, layer.inputs}, copy(layer.weight, layer.bias)};
        tensors[name + ".bias"] = {{layer.outputs},
                                   copy(layer.bias, layer.bias + static_cast<std::size_t>(layer.outputs))};
    }
}

/// The opposite of add_head_tensors. Throws StageError where one is missing or of another shape.
template <typename Scalar>
void take_head_tensors(const HeadLayout& layout, const TensorMap& tensors, Scalar* parameters) {
    const auto take = [&](const std::string& name, const std::vector<std::int64_t>& shape, std::size_t begin) {
        const auto found = tensors.find(name);
        if (found == tensors.end() || found->second.shape != shape)
            throw StageError("the head's tensor {} is missing or of another shape", name);
        std::copy(found->second.values.begin(), found->second.values.end(), parameters + begin);
    };
    for (std::size_t l = 0; l < layout.layers.size(); ++l) {
        const DenseShape& layer = layout.layers[l];
        const std::string name = "head." + std::to_string(l);
        take(name + ".weight", {layer.outputs, layer.inputs}, layer.weight);
        take(name + ".bias", {layer.outputs}, layer.bias);
    }
}

/// How widely a layer's weights are spread at the start, as Keras 3 has it for Dense: the limit of uniform ones, the
/// deviation of a normal distribution before it is cut off at two of them, after which the variance is 2 / inputs.
inline double initial_spread(Initializer initializer, const DenseShape& layer) {
    constexpr double kTruncatedDeviation = 0.87962566103423978;
    switch (initializer) {
        case Initializer::glorot_uniform:
            return std::sqrt(6.0 / (layer.inputs + layer.outputs));
        case Initializer::he_normal:
            return std::sqrt(2.0 / layer.inputs) / kTruncatedDeviation;
        case Initializer::random_uniform:
            return 0.05;
    }
    THAW_CHECK(false, "initializer {}", static_cast<int>(initializer));
}

/// Within two deviations; by Box and Muller, drawn again where it is beyond.
inline double truncated_normal(const CounterRandom& random, std::uint64_t index) {
    for (std::uint64_t attempt = index << 6;; ++attempt) {
        const double radius = std::sqrt(-2 * std::log1p(-random.uniform(2 * attempt)));
        const double normal = radius * std::cos(2 * std::numbers::pi * random.uniform(2 * attempt + 1));
        if (std::abs(normal) <= 2) return normal;
    }
}

/// Zero biases; all is a function of the seed, layer and index alone.
template <typename Scalar>
void initialize_head(const HeadLayout& layout, std::uint64_t seed, Scalar* parameters,
                     Initializer initializer = Initializer::glorot_uniform) {
    const bool normal = initializer == Initializer::he_normal;
    for (std::size_t l = 0; l < layout.layers.size(); ++l) {
        const DenseShape& layer = layout.layers[l];
        const CounterRandom random(seed, "head", {l});
        const double spread = initial_spread(initializer, layer);
        const std::size_t weights = layer.bias - layer.weight;
        for (std::size_t i = 0; i < weights; ++i)
            parameters[layer.weight + i] =
                static_cast<Scalar>(spread * (normal ? truncated_normal(random, i) : 2.0 * random.uniform(i) - 1.0));
        for (int i = 0; i < layer.outputs; ++i) parameters[layer.bias + static_cast<std::size_t>(i)] = Scalar{0};
    }
}

/// Fills one image's dropout mask of a hidden layer: 0 with probability `rate`, otherwise 1/(1-rate). It depends on the
/// seed, layer, epoch and image, not on the batch that the image is in.
template <typename Scalar>
void fill_dropout_mask(std::uint64_t seed, int layer, int epoch, int image, double rate, int units, Scalar* mask) {
    const CounterRandom random(
        seed, "dropout",
        {static_cast<std::uint64_t>(layer), static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(image)});
    const auto threshold = static_cast<std::uint64_t>(rate * 0x1p32);
    // A table, since a branch would be mispredicted every other time.
    const Scalar choices[] = {Scalar{0}, static_cast<Scalar>(1.0 / (1.0 - rate))};
    for (int i = 0; i < units; ++i) mask[i] = choices[(random.bits(static_cast<std::uint64_t>(i)) >> 32) >= threshold];
}

}  // namespace thaw
