#include "worker/train/head_model.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace thaw {
namespace {

/// C[m, n] = A * B (+ C), row-major, each factor transposed or not. The one place that tells float from double.
void multiply(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const float* a, int lda, const float* b,
              int ldb, float beta, float* c) {
    cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1.0F, a, lda, b, ldb, beta, c, n);
}
void multiply(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const double* a, int lda, const double* b,
              int ldb, double beta, double* c) {
    cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1.0, a, lda, b, ldb, beta, c, n);
}

constexpr std::size_t kEvaluationBatch = 256;

}  // namespace

template <typename Scalar>
HeadModel<Scalar>::HeadModel(const Trial& trial, const float* features, int inputs, int classes)
    : trial_(trial),
      features_(features),
      layout_(inputs, trial.head.widths, classes),
      parameters_(layout_.parameters),
      gradients_(layout_.parameters),
      optimizer_(trial.optimizer, trial.learning_rate, layout_.parameters),
      activations_(layout_.layers.size() + 1),
      masks_(layout_.layers.size()),
      deltas_(layout_.layers.size()) {
    initialize_head(layout_, trial.seed, parameters_.data());
}

template <typename Scalar>
BatchSums HeadModel<Scalar>::train_batch(std::span<const int> rows, std::span<const int> labels, int epoch) {
    gather(rows);
    forward(rows, epoch);
    const BatchSums sums = loss(labels, true);
    backward(static_cast<int>(rows.size()));
    optimizer_.step(parameters_.data(), gradients_.data());
    return sums;
}

template <typename Scalar>
BatchSums HeadModel<Scalar>::evaluate(std::span<const int> rows, std::span<const int> labels) {
    BatchSums total;
    for (std::size_t at = 0; at < rows.size(); at += kEvaluationBatch) {
        const std::size_t count = std::min(kEvaluationBatch, rows.size() - at);
        gather(rows.subspan(at, count));
        forward(rows.subspan(at, count), 0);
        const BatchSums sums = loss(labels.subspan(at, count), false);
        total.loss += sums.loss;
        total.correct += sums.correct;
    }
    return total;
}

template <typename Scalar>
void HeadModel<Scalar>::resize_buffers(int batch) {
    const auto rows = static_cast<std::size_t>(batch);
    activations_[0].resize(rows * static_cast<std::size_t>(layout_.layers[0].inputs));
    for (std::size_t l = 0; l < layout_.layers.size(); ++l) {
        const std::size_t size = rows * static_cast<std::size_t>(layout_.layers[l].outputs);
        activations_[l + 1].resize(size);
        masks_[l].resize(size);
        deltas_[l].resize(size);
    }
}

template <typename Scalar>
void HeadModel<Scalar>::gather(std::span<const int> rows) {
    resize_buffers(static_cast<int>(rows.size()));
    const auto inputs = static_cast<std::size_t>(layout_.layers[0].inputs);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const float* from = features_ + static_cast<std::size_t>(rows[i]) * inputs;
        std::copy(from, from + inputs, activations_[0].data() + i * inputs);
    }
}

template <typename Scalar>
void HeadModel<Scalar>::forward(std::span<const int> rows, int epoch) {
    const int batch = static_cast<int>(rows.size());
    for (std::size_t l = 0; l < layout_.layers.size(); ++l) {
        const DenseShape& layer = layout_.layers[l];
        const auto outputs = static_cast<std::size_t>(layer.outputs);
        const Scalar* bias = parameters_.data() + layer.bias;
        Scalar* out = activations_[l + 1].data();
        for (std::size_t i = 0; i < rows.size(); ++i) std::copy(bias, bias + outputs, out + i * outputs);
        multiply(CblasNoTrans, CblasTrans, batch, layer.outputs, layer.inputs, activations_[l].data(), layer.inputs,
                 parameters_.data() + layer.weight, layer.inputs, Scalar{1}, out);
        if (l + 1 == layout_.layers.size()) break;  // logits
        const double rate = epoch > 0 ? trial_.dropout[l] : 0.0;
        Scalar* mask = masks_[l].data();
        if (rate > 0)
            for (std::size_t i = 0; i < rows.size(); ++i)
                fill_dropout_mask(trial_.seed, static_cast<int>(l), epoch, rows[i], rate, layer.outputs,
                                  mask + i * outputs);
        else
            std::fill(masks_[l].begin(), masks_[l].end(), Scalar{1});
        for (std::size_t i = 0; i < masks_[l].size(); ++i) {
            mask[i] = out[i] > 0 ? mask[i] : Scalar{0};
            out[i] *= mask[i];
        }
    }
}

template <typename Scalar>
BatchSums HeadModel<Scalar>::loss(std::span<const int> labels, bool gradient) {
    const auto classes = static_cast<std::size_t>(layout_.layers.back().outputs);
    BatchSums sums;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const Scalar* logits = activations_.back().data() + i * classes;
        const Scalar* largest = std::max_element(logits, logits + classes);
        const auto label = static_cast<std::size_t>(labels[i]);
        double sum = 0;
        for (std::size_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(logits[c] - *largest));
        sums.loss += std::log(sum) - static_cast<double>(logits[label] - *largest);
        sums.correct += static_cast<std::size_t>(largest - logits) == label;
        if (!gradient) continue;
        Scalar* delta = deltas_.back().data() + i * classes;
        for (std::size_t c = 0; c < classes; ++c) {
            const double probability = std::exp(static_cast<double>(logits[c] - *largest)) / sum;
            delta[c] =
                static_cast<Scalar>((probability - (c == label ? 1.0 : 0.0)) / static_cast<double>(labels.size()));
        }
    }
    return sums;
}

template <typename Scalar>
void HeadModel<Scalar>::backward(int batch) {
    for (std::size_t l = layout_.layers.size(); l-- > 0;) {
        const DenseShape& layer = layout_.layers[l];
        const Scalar* delta = deltas_[l].data();
        multiply(CblasTrans, CblasNoTrans, layer.outputs, layer.inputs, batch, delta, layer.outputs,
                 activations_[l].data(), layer.inputs, Scalar{0}, gradients_.data() + layer.weight);
        Scalar* bias = gradients_.data() + layer.bias;
        std::fill(bias, bias + layer.outputs, Scalar{0});
        for (int i = 0; i < batch; ++i)
            for (int j = 0; j < layer.outputs; ++j) bias[j] += delta[i * layer.outputs + j];
        if (l == 0) break;
        Scalar* below = deltas_[l - 1].data();
        multiply(CblasNoTrans, CblasNoTrans, batch, layer.inputs, layer.outputs, delta, layer.outputs,
                 parameters_.data() + layer.weight, layer.inputs, Scalar{0}, below);
        for (std::size_t i = 0; i < deltas_[l - 1].size(); ++i) below[i] *= masks_[l - 1][i];
    }
}

template class HeadModel<float>;
template class HeadModel<double>;

}  // namespace thaw
