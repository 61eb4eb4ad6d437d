// The classifier's parameters as one flat array: where each dense layer lies, how it starts, and its dropout masks.
// Shared by the kernel that trains heads alone and by autograd that trains them with a tail, so that both mean the
// same.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/random.hpp"
#include "common/trial.hpp"
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

/// Glorot uniform weights (Keras' default for Dense), zero biases; a function of the seed, layer and index alone.
template <typename Scalar>
void initialize_head(const HeadLayout& layout, std::uint64_t seed, Scalar* parameters) {
    for (std::size_t l = 0; l < layout.layers.size(); ++l) {
        const DenseShape& layer = layout.layers[l];
        const CounterRandom random(seed, "head", {l});
        const double limit = std::sqrt(6.0 / (layer.inputs + layer.outputs));
        const std::size_t weights = layer.bias - layer.weight;
        for (std::size_t i = 0; i < weights; ++i)
            parameters[layer.weight + i] = static_cast<Scalar>((2.0 * random.uniform(i) - 1.0) * limit);
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
