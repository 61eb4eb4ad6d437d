#include "worker/heads/head_model.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "common/util/fingerprint.hpp"
#include "worker/heads/clipping.hpp"
#include "worker/heads/head_activation.hpp"
#include "worker/heads/model_state.hpp"

namespace thaw {

template <typename Scalar>
HeadModel<Scalar>::HeadModel(const Trial& trial, Rows<float> features, const TargetClasses& classes,
                             const HeadKernel<Scalar>& kernel)
    : trial_(trial),
      features_(features),
      classes_(classes),
      layout_(static_cast<int>(features.elements), trial.head.widths, head_outputs(trial, classes.count)),
      kernel_(kernel),
      learning_rate_(trial.learning_rate),
      packed_(layout_.layers.size()),
      activations_(layout_.layers.size()),
      masks_(layout_.layers.size()),
      deltas_(layout_.layers.size()),
      inputs_(layout_.layers.size()),
      exponentials_(static_cast<std::size_t>(classes.count)) {
    std::vector<std::size_t> begins;
    std::size_t size = 0;
    for (std::size_t l = 0; l < packed_.size(); ++l) {
        packed_[l].inputs = layout_.layers[l].inputs;
        packed_[l].panels = (layout_.layers[l].outputs + kernel_.panel - 1) / kernel_.panel;
        begins.push_back(size);
        size += static_cast<std::size_t>(packed_[l].inputs + 1) * padded(l);
    }
    const std::size_t lines = (size * sizeof(Scalar) + sizeof(Line) - 1) / sizeof(Line);
    for (int i = 0; i <= optimizer_moments(trial_.optimizer); ++i) state_[static_cast<std::size_t>(i)].resize(lines);
    for (std::size_t l = 0; l < packed_.size(); ++l) {
        Scalar** const parts[] = {&packed_[l].weights, &packed_[l].first, &packed_[l].second};
        for (std::size_t i = 0; i < state_.size(); ++i)
            if (!state_[i].empty()) *parts[i] = data(state_[i]) + begins[l];
    }
    std::vector<Scalar> start(layout_.parameters);
    initialize_head(layout_, trial.seed, start.data(), trial.head.initializer);
    pack(start.data(), state_[0]);
}

template <typename Scalar>
template <typename Visit>
void HeadModel<Scalar>::for_each_parameter(const Visit& visit) const {
    const auto panel = static_cast<std::size_t>(kernel_.panel);
    for (std::size_t l = 0; l < packed_.size(); ++l) {
        const DenseShape& layer = layout_.layers[l];
        const auto begin = static_cast<std::size_t>(packed_[l].weights - packed_[0].weights);
        const auto inputs = static_cast<std::size_t>(layer.inputs);
        for (std::size_t o = 0; o < static_cast<std::size_t>(layer.outputs); ++o) {
            const std::size_t column = begin + o / panel * panel * (inputs + 1) + o % panel;
            for (std::size_t i = 0; i < inputs; ++i) visit(layer.weight + o * inputs + i, column + i * panel);
            visit(layer.bias + o, column + inputs * panel);
        }
    }
}

template <typename Scalar>
std::vector<Scalar> HeadModel<Scalar>::unpacked(const Lines& packed) const {
    if (packed.empty()) return {};
    std::vector<Scalar> result(layout_.parameters);
    const Scalar* from = packed.front().values.data();
    for_each_parameter([&](std::size_t plain, std::size_t at) { result[plain] = from[at]; });
    return result;
}

template <typename Scalar>
void HeadModel<Scalar>::pack(const Scalar* from, Lines& packed) const {
    Scalar* to = data(packed);
    for_each_parameter([&](std::size_t plain, std::size_t at) { to[at] = from[plain]; });
}

template <typename Scalar>
std::string HeadModel<Scalar>::state() const {
    const auto parameters = unpacked(state_[0]), first = unpacked(state_[1]), second = unpacked(state_[2]);
    return join_state({bytes_of(steps_), bytes_of(parameters), bytes_of(first), bytes_of(second)});
}

template <typename Scalar>
void HeadModel<Scalar>::restore(std::string_view state) {
    std::vector<std::size_t> sizes = {bytes_of(steps_).size()};
    for (const Lines& lines : state_) sizes.push_back(lines.empty() ? 0 : layout_.parameters * sizeof(Scalar));
    const auto parts = split_state(state, sizes);
    copy_bytes(parts[0], steps_);
    std::vector<Scalar> plain(layout_.parameters);
    for (std::size_t i = 0; i < state_.size(); ++i) {
        if (state_[i].empty()) continue;
        copy_bytes(parts[i + 1], plain);
        pack(plain.data(), state_[i]);
    }
}

template <typename Scalar>
TensorMap HeadModel<Scalar>::tensors() const {
    TensorMap tensors;
    add_head_tensors(layout_, unpacked(state_[0]).data(), tensors);
    return tensors;
}

template <typename Scalar>
void HeadModel<Scalar>::load(const TensorMap& tensors) {
    std::vector<Scalar> plain(layout_.parameters);
    take_head_tensors(layout_, tensors, plain.data());
    pack(plain.data(), state_[0]);
}

template <typename Scalar>
std::vector<double> HeadModel<Scalar>::logits(std::span<const int> rows) {
    std::vector<double> logits;
    for (std::size_t at = 0; at < rows.size(); at += std::size_t{kEvaluationBatch}) {
        const std::size_t count = std::min<std::size_t>(kEvaluationBatch, rows.size() - at);
        forward(rows.subspan(at, count), 0);
        for (std::size_t i = 0; i < count; ++i) {
            const Scalar* row = class_logits(i);
            logits.insert(logits.end(), row, row + classes_.count);
        }
    }
    return logits;
}

template <typename Scalar>
std::string HeadModel<Scalar>::parameters_hash() const {
    // As they lie there: at every epoch, and bringing them into order would take longer than hashing.
    return Fingerprint().add(bytes_of(state_[0])).hex();
}

template <typename Scalar>
BatchSums HeadModel<Scalar>::train_batch(std::span<const int> rows, std::span<const int> labels, int epoch) {
    forward(rows, epoch);
    const BatchSums sums = loss(labels, true);
    backward(static_cast<int>(rows.size()));
    return sums;
}

template <typename Scalar>
BatchSums HeadModel<Scalar>::evaluate(std::span<const int> rows, std::span<const int> labels) {
    BatchSums total;
    for (std::size_t at = 0; at < rows.size(); at += std::size_t{kEvaluationBatch}) {
        const std::size_t count = std::min<std::size_t>(kEvaluationBatch, rows.size() - at);
        forward(rows.subspan(at, count), 0);
        total += loss(labels.subspan(at, count), false);
    }
    return total;
}

template <typename Scalar>
void HeadModel<Scalar>::begin_batch(std::span<const int> rows) {
    for (std::size_t l = 0; l < packed_.size(); ++l) {
        activations_[l].resize(rows.size() * padded(l));
        masks_[l].resize(rows.size() * padded(l));
        deltas_[l].resize(rows.size() * padded(l));
        inputs_[l].resize(rows.size());
        for (std::size_t i = 0; l > 0 && i < rows.size(); ++i)
            inputs_[l][i] = activations_[l - 1].data() + i * padded(l - 1);
    }
    const auto inputs = static_cast<std::size_t>(packed_[0].inputs);
    if constexpr (std::is_same_v<Scalar, float>) {
        for (std::size_t i = 0; i < rows.size(); ++i) inputs_[0][i] = features_[rows[i]];
    } else {
        converted_.resize(rows.size() * inputs);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            inputs_[0][i] = converted_.data() + i * inputs;
            std::copy_n(features_[rows[i]], inputs, converted_.data() + i * inputs);
        }
    }
}

template <typename Scalar>
void HeadModel<Scalar>::forward(std::span<const int> rows, int epoch) {
    begin_batch(rows);
    for (std::size_t l = 0; l < packed_.size(); ++l) {
        kernel_.forward(packed_[l], inputs_[l].data(), static_cast<int>(rows.size()), activations_[l].data());
        if (l + 1 < packed_.size()) activate(l, rows, epoch);
    }
}

template <typename Scalar>
void HeadModel<Scalar>::activate(std::size_t l, std::span<const int> rows, int epoch) {
    const double rate = epoch > 0 ? trial_.dropout[l] : 0.0;
    Scalar* mask = masks_[l].data();
    if (rate > 0)
        for (std::size_t i = 0; i < rows.size(); ++i)
            fill_dropout_mask(trial_.seed, static_cast<int>(l), epoch, rows[i], rate, layout_.layers[l].outputs,
                              mask + i * padded(l));
    else
        std::fill(masks_[l].begin(), masks_[l].end(), Scalar{1});
    Scalar* out = activations_[l].data();
    if (const HeadActivation activation = trial_.head.activation(l); activation != HeadActivation::relu) {
        for (std::size_t i = 0; i < rows.size(); ++i)
            activate_and_mask(activation, static_cast<std::size_t>(layout_.layers[l].outputs), out + i * padded(l),
                              mask + i * padded(l));
        return;
    }
    for (std::size_t i = 0; i < masks_[l].size(); ++i) {
        mask[i] = out[i] > 0 ? mask[i] : Scalar{0};
        out[i] *= mask[i];
    }
}

template <typename Scalar>
const Scalar* HeadModel<Scalar>::class_logits(std::size_t row) {
    const Scalar* outputs = activations_.back().data() + row * padded(packed_.size() - 1);
    if (trial_.loss != Loss::binary_crossentropy) return outputs;
    pair_ = {Scalar{0}, *outputs};
    return pair_.data();
}

template <typename Scalar>
BatchSums HeadModel<Scalar>::loss(std::span<const int> labels, bool gradient) {
    const auto classes = static_cast<std::size_t>(classes_.count);
    const auto outputs = static_cast<std::size_t>(layout_.layers.back().outputs);
    const std::size_t stride = padded(packed_.size() - 1), first = classes - outputs;
    const SmoothedTarget target(trial_.label_smoothing, classes_.count);
    BatchSums sums;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const Scalar* logits = class_logits(i);
        const Scalar* largest = std::max_element(logits, logits + classes);
        const auto label = static_cast<std::size_t>(labels[i]);
        double sum = 0, all = 0;
        for (std::size_t c = 0; c < classes; ++c) {
            const auto below = static_cast<double>(logits[c] - *largest);
            sum += exponentials_[c] = std::exp(below);
            all += below;
        }
        double matched = static_cast<double>(logits[label] - *largest);
        if (trial_.label_smoothing > 0) matched = (target.right - target.wrong) * matched + target.wrong * all;
        const double weight = gradient && !classes_.weights.empty() ? classes_.weights[label] : 1.0;
        sums.loss += weight * (std::log(sum) - matched);
        sums.correct += static_cast<std::size_t>(largest - logits) == label;
        if (!gradient) {
            sums.predicted.push_back(static_cast<int>(largest - logits));
            sums.note_ranking(classes, ranking_of(std::span(logits, classes), labels[i]));
            continue;
        }
        Scalar* delta = deltas_.back().data() + i * stride;
        std::fill(delta + outputs, delta + stride, Scalar{0});
        for (std::size_t c = first; c < classes; ++c)
            delta[c - first] =
                static_cast<Scalar>(weight * (exponentials_[c] / sum - (c == label ? target.right : target.wrong)) /
                                    static_cast<double>(labels.size()));
    }
    return sums;
}

template <typename Scalar>
void HeadModel<Scalar>::backward(int batch) {
    if (clips_by_norm(trial_.optimizer)) return backward_clipped(batch);
    const OptimizerStep step{trial_.optimizer, learning_rate_, ++steps_};
    for (std::size_t l = packed_.size(); l-- > 0;) {
        if (l > 0) backward_through(l, batch);
        kernel_.train(packed_[l], inputs_[l].data(), deltas_[l].data(), batch, step);
    }
}

template <typename Scalar>
void HeadModel<Scalar>::backward_through(std::size_t l, int batch) {
    Scalar* below = deltas_[l - 1].data();
    kernel_.input_gradient(packed_[l], deltas_[l].data(), batch, below, static_cast<int>(padded(l - 1)));
    for (std::size_t i = 0; i < deltas_[l - 1].size(); ++i) below[i] *= masks_[l - 1][i];
}

template <typename Scalar>
void HeadModel<Scalar>::backward_clipped(int batch) {
    gradients_.resize(state_[0].size());
    for (std::size_t l = packed_.size(); l-- > 0;) {
        if (l > 0) backward_through(l, batch);
        const auto begin = packed_[l].weights - packed_[0].weights;
        kernel_.gradients(packed_[l], inputs_[l].data(), deltas_[l].data(), batch, data(gradients_) + begin);
    }
    std::vector<Scalar> plain = unpacked(gradients_);  // in one order, whatever the kernel's panels
    std::vector<std::span<Scalar>> tensors;
    for (const DenseShape& layer : layout_.layers) {
        tensors.emplace_back(plain.data() + layer.weight, layer.bias - layer.weight);
        tensors.emplace_back(plain.data() + layer.bias, static_cast<std::size_t>(layer.outputs));
    }
    clip_by_norm<Scalar>(trial_.optimizer, tensors);
    pack(plain.data(), gradients_);
    const OptimizerStep step{trial_.optimizer, learning_rate_, ++steps_};
    const std::size_t count = gradients_.size() * std::tuple_size_v<decltype(Line::values)>;
    kernel_.update(step, count, data(gradients_), data(state_[0]), data(state_[1]), data(state_[2]));
}

template class HeadModel<float>;
template class HeadModel<double>;

}  // namespace thaw
