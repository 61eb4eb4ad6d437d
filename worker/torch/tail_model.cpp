#include "worker/torch/tail_model.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <variant>

#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "worker/heads/head_layout.hpp"
#include "worker/heads/model_state.hpp"
#include "worker/heads/optimizer.hpp"
#include "worker/torch/device.hpp"
#include "worker/torch/gradient_buckets.hpp"
#include "worker/torch/torch_network.hpp"
#include "worker/torch/torch_optimizer.hpp"

namespace thaw {
namespace {

template <typename Scalar>
class TailModel : public Model {
  public:
    TailModel(const Trial& trial, const LayerGraph& graph, const TensorMap& tensors, const Preprocessing& preprocessing,
              const TailInput& input, const TargetClasses& classes, Group* group)
        : trial_(trial),
          preprocessing_(preprocessing),
          input_(input),
          group_(group),
          image_size_(graph.image_size),
          input_shape_(graph.layers[static_cast<std::size_t>(std::max(trial.cut, 1) - 1)].output),
          network_(graph, trial.cut, graph.top_begin, trial.frozen_layers, tensors, kType, group),
          classes_(classes.count),
          layout_(head_inputs(graph, trial), trial.head.widths, head_outputs(trial, classes.count)) {
        if (!classes.weights.empty())
            class_weights_ = torch::tensor(classes.weights, torch::dtype(kType)).to(compute_device());
        std::vector<std::size_t> sizes;  // of all trained tensors, in the flat array's order
        for (const DenseShape& layer : layout_.layers) {
            sizes.push_back(layer.bias - layer.weight);
            sizes.push_back(static_cast<std::size_t>(layer.outputs));
        }
        for (const torch::Tensor* parameter : network_.trained_parameters())
            sizes.push_back(static_cast<std::size_t>(parameter->numel()));
        const std::size_t size = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
        flat_ = torch::empty({static_cast<std::int64_t>(size)}, kType);
        initialize_head(layout_, trial.seed, flat_.template data_ptr<Scalar>(), trial.head.initializer);
        flat_ = flat_.to(compute_device());
        gradients_ = torch::zeros_like(flat_);
        std::int64_t at = 0;
        for (const DenseShape& layer : layout_.layers) {
            weights_.push_back(adopt({layer.outputs, layer.inputs}, at));
            biases_.push_back(adopt({layer.outputs}, at));
        }
        for (torch::Tensor* parameter : network_.trained_parameters()) {
            flat_.narrow(0, at, parameter->numel()).copy_(parameter->flatten());
            *parameter = adopt(parameter->sizes().vec(), at);
        }
        if (on_gpu())
            optimizer_.template emplace<TorchOptimizer>(trial.optimizer, trial.learning_rate, sizes, flat_);
        else
            optimizer_.template emplace<FlatOptimizer<Scalar>>(trial.optimizer, trial.learning_rate, sizes);
        if (group) sum_gradients_over(*group);
    }

    void set_learning_rate(double rate) override {
        if (auto* flat = std::get_if<FlatOptimizer<Scalar>>(&optimizer_))
            flat->set_learning_rate(rate);
        else
            std::get<TorchOptimizer>(optimizer_).set_learning_rate(rate);
    }

    BatchSums train_batch(std::span<const int> rows, std::span<const int> labels, int epoch) override {
        const torch::AutoGradMode with_gradients(true);
        gradients_.zero_();
        if (buckets_) buckets_->begin_step();
        const auto [begin, end] = group_ ? group_->share_of(rows.size()) : std::pair{std::size_t{0}, rows.size()};
        const torch::Tensor logits = forward(rows.subspan(begin, end - begin), epoch);
        const torch::Tensor targets = as_tensor(labels.subspan(begin, end - begin));
        const torch::Tensor loss = loss_sum(logits, targets, class_weights_);
        (loss / static_cast<double>(rows.size())).backward();
        BatchSums sums = {loss.template item<double>(), count_correct(logits, targets)};
        if (group_) {
            buckets_->finish_step();
            std::array values = {sums.loss, static_cast<double>(sums.correct)};
            group_->all_reduce_sum(std::span<double>(values));
            sums = {values[0], static_cast<int>(values[1])};
        }
        if (auto* flat = std::get_if<FlatOptimizer<Scalar>>(&optimizer_))
            flat->step(flat_.template data_ptr<Scalar>(), gradients_.template data_ptr<Scalar>());
        else
            std::get<TorchOptimizer>(optimizer_).step(flat_, gradients_);
        return sums;
    }

    BatchSums evaluate(std::span<const int> rows, std::span<const int> labels) override {
        const torch::NoGradGuard no_gradients;
        const std::size_t batches = (rows.size() + kEvaluationBatch - 1) / kEvaluationBatch;
        // Loss and correct by batch, then of each row its class and its ranking.
        std::vector<double> sums(2 * (batches + rows.size()));
        double* const by_row = sums.data() + 2 * batches;
        const auto [begin, end] = group_ ? group_->share_of(batches) : std::pair{std::size_t{0}, batches};
        for (std::size_t batch = begin; batch < end; ++batch) {
            const std::size_t at = batch * kEvaluationBatch;
            const std::size_t count = std::min<std::size_t>(kEvaluationBatch, rows.size() - at);
            const torch::Tensor logits = forward(rows.subspan(at, count), 0);
            const torch::Tensor targets = as_tensor(labels.subspan(at, count));
            sums[2 * batch] = loss_sum(logits, targets, {}).template item<double>();
            sums[2 * batch + 1] = count_correct(logits, targets);
            const torch::Tensor classes = logits.argmax(1).to(torch::kCPU);
            const torch::Tensor host = logits.to(torch::kCPU, torch::kFloat64).contiguous();
            const auto outputs = static_cast<std::size_t>(host.size(1));
            for (std::size_t i = 0; i < count; ++i) {
                by_row[2 * (at + i)] = static_cast<double>(classes.template data_ptr<std::int64_t>()[i]);
                by_row[2 * (at + i) + 1] = ranking_of(
                    std::span<const double>(host.template data_ptr<double>() + i * outputs, outputs), labels[at + i]);
            }
        }
        if (group_) group_->all_reduce_sum(std::span(sums));
        BatchSums total;
        for (std::size_t batch = 0; batch < batches; ++batch)
            total += {sums[2 * batch], static_cast<int>(sums[2 * batch + 1])};
        for (std::size_t i = 0; i < rows.size(); ++i) {
            total.predicted.push_back(static_cast<int>(by_row[2 * i]));
            total.note_ranking(static_cast<std::size_t>(classes_), by_row[2 * i + 1]);
        }
        return total;
    }

    std::string state() const override {
        const std::string optimizer = optimizer_state();
        const std::vector<torch::Tensor> tensors = on_host(trained_tensors());
        std::vector<std::string_view> parts = {optimizer};
        for (const torch::Tensor& tensor : tensors) parts.push_back(bytes_of(tensor));
        return join_state(parts);
    }

    void restore(std::string_view state) override {
        const std::vector<torch::Tensor> tensors = trained_tensors();
        std::vector<std::size_t> sizes = {optimizer_state().size()};
        for (const torch::Tensor& tensor : tensors) sizes.push_back(tensor.nbytes());
        const auto parts = split_state(state, sizes);
        restore_optimizer(parts[0]);
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            torch::Tensor values = torch::empty(tensors[i].sizes(), kType);
            parts[i + 1].copy(static_cast<char*>(values.data_ptr()), values.nbytes());
            tensors[i].copy_(values);
        }
    }

    TensorMap tensors() const override {
        TensorMap tensors;
        const torch::Tensor flat = flat_.cpu();
        add_head_tensors(layout_, flat.template data_ptr<Scalar>(), tensors);
        for (const auto& [name, tensor] : network_.trained_tensors()) {
            const torch::Tensor plain = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
            const float* values = plain.data_ptr<float>();
            tensors[name] = {plain.sizes().vec(), std::vector<float>(values, values + plain.numel())};
        }
        return tensors;
    }

    void load(const TensorMap& tensors) override {
        const torch::NoGradGuard no_gradients;
        std::vector<Scalar> head(layout_.parameters);
        take_head_tensors(layout_, tensors, head.data());
        flat_.narrow(0, 0, static_cast<std::int64_t>(head.size()))
            .copy_(torch::from_blob(head.data(), {static_cast<std::int64_t>(head.size())}, kType));
        for (auto& [name, tensor] : network_.trained_tensors()) {
            const auto found = tensors.find(name);
            if (found == tensors.end() || found->second.shape != tensor.sizes().vec())
                throw StageError("the trained tensor {} is missing or of another shape", name);
            tensor.copy_(
                torch::from_blob(const_cast<float*>(found->second.values.data()), tensor.sizes(), torch::kFloat32));
        }
    }

    std::vector<double> logits(std::span<const int> rows) override {
        const torch::NoGradGuard no_gradients;
        std::vector<double> logits;
        for (std::size_t at = 0; at < rows.size(); at += std::size_t{kEvaluationBatch}) {
            const std::size_t count = std::min<std::size_t>(kEvaluationBatch, rows.size() - at);
            const torch::Tensor batch =
                forward(rows.subspan(at, count), 0).to(torch::kCPU, torch::kFloat64).contiguous();
            logits.insert(logits.end(), batch.data_ptr<double>(), batch.data_ptr<double>() + batch.numel());
        }
        return logits;
    }

    std::string parameters_hash() const override {
        Fingerprint hash;
        for (const torch::Tensor& tensor : on_host(trained_tensors())) hash.add(bytes_of(tensor));
        return hash.hex();
    }

  private:
    /// All that training changes, but for the optimizer's.
    std::vector<torch::Tensor> trained_tensors() const {
        std::vector<torch::Tensor> tensors = network_.trained_statistics();
        tensors.insert(tensors.begin(), flat_);
        return tensors;
    }

    static std::vector<torch::Tensor> on_host(std::vector<torch::Tensor> tensors) {
        for (torch::Tensor& tensor : tensors) tensor = tensor.cpu();
        return tensors;
    }

    std::string optimizer_state() const {
        if (const auto* flat = std::get_if<FlatOptimizer<Scalar>>(&optimizer_)) return flat->state();
        return std::get<TorchOptimizer>(optimizer_).state();
    }

    void restore_optimizer(std::string_view state) {
        if (auto* flat = std::get_if<FlatOptimizer<Scalar>>(&optimizer_))
            flat->restore(state);
        else
            std::get<TorchOptimizer>(optimizer_).restore(state);
    }

    static std::string_view bytes_of(const torch::Tensor& tensor) {
        return {static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()};
    }

    static constexpr torch::Dtype kType = std::is_same_v<Scalar, double> ? torch::kFloat64 : torch::kFloat32;

    static int head_inputs(const LayerGraph& graph, const Trial& trial) {
        const Shape& base = graph.base_output();
        return static_cast<int>(trial.head.pooling == Pooling::flatten ? base.elements() : base.channels);
    }

    /// A leaf that lives at `at` in the flat arrays, with its gradient; moves `at` behind it. One array for all is what
    /// the optimizer steps over.
    torch::Tensor adopt(const std::vector<std::int64_t>& shape, std::int64_t& at) {
        std::int64_t size = 1;
        for (const std::int64_t extent : shape) size *= extent;
        torch::Tensor leaf = flat_.narrow(0, at, size).view(shape).detach();
        leaf.set_requires_grad(true);
        leaf.mutable_grad() = gradients_.narrow(0, at, size).view(shape);
        at += size;
        return leaf;
    }

    void sum_gradients_over(Group& group) {
        std::vector<torch::Tensor> leaves;  // in the order in which the backward pass comes to them
        for (std::size_t l = weights_.size(); l-- > 0;) {
            leaves.push_back(biases_[l]);
            leaves.push_back(weights_[l]);
        }
        const auto& parameters = network_.trained_parameters();
        for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter)
            leaves.push_back(**parameter);
        const auto size = static_cast<std::size_t>(gradients_.numel());
        buckets_ = std::make_unique<GradientBuckets<Scalar>>(
            group, std::span(gradients_.template data_ptr<Scalar>(), size), leaves);
    }

    static torch::Tensor as_tensor(std::span<const int> labels) {
        return torch::tensor(at::ArrayRef<int>(labels.data(), labels.size()), torch::kInt64).to(compute_device());
    }

    torch::Tensor loss_sum(const torch::Tensor& logits, const torch::Tensor& targets,
                           const torch::Tensor& class_weights) const {
        const torch::Tensor logs = torch::log_softmax(logits, 1);
        if (trial_.label_smoothing == 0) return torch::nll_loss(logs, targets, class_weights, at::Reduction::Sum);
        const SmoothedTarget target(trial_.label_smoothing, static_cast<int>(logits.size(1)));
        const torch::Tensor of_label = logs.gather(1, targets.unsqueeze(1)).squeeze(1);
        const torch::Tensor losses = -((target.right - target.wrong) * of_label + target.wrong * logs.sum(1));
        return class_weights.defined() ? (losses * class_weights.index_select(0, targets)).sum() : losses.sum();
    }

    static int count_correct(const torch::Tensor& logits, const torch::Tensor& targets) {
        return logits.argmax(1).eq(targets).sum().template item<int>();
    }

    torch::Tensor gather(std::span<const int> rows) const {
        const int count = static_cast<int>(rows.size());
        if (!input_.features.base) {
            const std::size_t bytes = 3 * static_cast<std::size_t>(image_size_) * static_cast<std::size_t>(image_size_);
            std::vector<std::uint8_t> batch(bytes * rows.size());
            for (std::size_t i = 0; i < rows.size(); ++i)
                std::memcpy(batch.data() + i * bytes, input_.images[rows[i]], bytes);
            return preprocess(batch.data(), count, image_size_, preprocessing_, kType);
        }
        const auto elements = static_cast<std::size_t>(input_shape_.elements());
        torch::Tensor batch =
            torch::empty({count, input_shape_.channels, input_shape_.height, input_shape_.width}, torch::kFloat32);
        for (std::size_t i = 0; i < rows.size(); ++i)
            std::memcpy(batch.data_ptr<float>() + i * elements, input_.features[rows[i]], elements * sizeof(float));
        return batch.to(compute_device(), kType);
    }

    /// Logits; epoch 0 is inference.
    torch::Tensor forward(std::span<const int> rows, int epoch) {
        // Channels last, as the convolutions and batch-norms of a CPU like it.
        torch::Tensor x = gather(rows).contiguous(at::MemoryFormat::ChannelsLast);
        const bool batch_statistics = epoch > 0 && trial_.batch_norm == BatchNormMode::train;
        x = pool(network_.forward(x, batch_statistics), trial_.head.pooling);
        for (std::size_t l = 0; l < weights_.size(); ++l) {
            x = torch::linear(x, weights_[l], biases_[l]);
            if (l + 1 == weights_.size()) break;
            x = activate(x, trial_.head.activation(l));
            if (epoch > 0 && trial_.dropout[l] > 0) x = x * dropout_mask(rows, static_cast<int>(l), epoch);
        }
        if (trial_.loss == Loss::binary_crossentropy) x = torch::constant_pad_nd(x, {1, 0});  // the first class' is 0
        return x;
    }

    torch::Tensor dropout_mask(std::span<const int> rows, int layer, int epoch) const {
        const int units = layout_.layers[static_cast<std::size_t>(layer)].outputs;
        torch::Tensor mask = torch::empty({static_cast<std::int64_t>(rows.size()), units}, kType);
        Scalar* at = mask.template data_ptr<Scalar>();
        for (const int row : rows) {
            fill_dropout_mask(trial_.seed, layer, epoch, row, trial_.dropout[static_cast<std::size_t>(layer)], units,
                              at);
            at += units;
        }
        return mask.to(compute_device());
    }

    Trial trial_;
    Preprocessing preprocessing_;
    TailInput input_;
    Group* group_;
    int image_size_;
    Shape input_shape_;
    TorchNetwork network_;
    int classes_;
    HeadLayout layout_;
    torch::Tensor flat_, gradients_;
    std::vector<torch::Tensor> weights_, biases_;
    torch::Tensor class_weights_;                                                    // undefined: all 1
    std::variant<std::monostate, FlatOptimizer<Scalar>, TorchOptimizer> optimizer_;  // on the CPU; on a GPU
    std::unique_ptr<GradientBuckets<Scalar>> buckets_;                               // with a group
};

}  // namespace

std::unique_ptr<Model> make_tail_model(const Trial& trial, const LayerGraph& graph, const TensorMap& tensors,
                                       const Preprocessing& preprocessing, const TailInput& input,
                                       const TargetClasses& classes, Group* group, bool double_precision) {
    if (double_precision)
        return std::make_unique<TailModel<double>>(trial, graph, tensors, preprocessing, input, classes, group);
    return std::make_unique<TailModel<float>>(trial, graph, tensors, preprocessing, input, classes, group);
}

}  // namespace thaw
