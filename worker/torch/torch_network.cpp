#include "worker/torch/torch_network.hpp"

#include <algorithm>
#include <limits>

#include "common/util/error.hpp"
#include "worker/torch/batch_norm.hpp"
#include "worker/torch/device.hpp"
#include "worker/torch/group_batch_norm.hpp"

namespace thaw {
namespace {

torch::Tensor to_torch(const TensorMap& tensors, const std::string& name, torch::Dtype dtype) {
    const auto found = tensors.find(name);
    THAW_CHECK(found != tensors.end(), "tensor {} is missing, though the weights were checked", name);
    // from_blob borrows; clone owns.
    const torch::Tensor tensor =
        torch::from_blob(const_cast<float*>(found->second.values.data()), found->second.shape, torch::kFloat32)
            .to(dtype)
            .clone();
    // On a GPU frozen convolutions want their weights in the order of their maps.
    return on_gpu() ? tensor.to(compute_device())
                          .contiguous(tensor.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous)
                    : tensor;
}

torch::Tensor activate(const torch::Tensor& x, Activation activation) {
    switch (activation) {
        case Activation::none:
            return x;
        case Activation::relu:
            return torch::relu(x);
        case Activation::relu6:
            return torch::clamp(x, 0, 6);
        case Activation::swish:
            return torch::silu(x);
        case Activation::sigmoid:
            return torch::sigmoid(x);
        case Activation::hard_swish:
            return torch::hardswish(x);
        case Activation::hard_sigmoid:
            return torch::hardsigmoid(x);
        case Activation::softmax:
            return torch::softmax(x, 1);
    }
    THAW_CHECK(false, "activation {}", static_cast<int>(activation));
}

torch::Tensor zero_pad(const torch::Tensor& x, const Padding& padding) {
    if (!padding.any()) return x;
    return torch::constant_pad_nd(x, {padding.left, padding.right, padding.top, padding.bottom}, 0);
}

bool symmetric(const Padding& padding) {
    return padding.top == padding.bottom && padding.left == padding.right;
}

torch::Tensor convolve(torch::Tensor x, const Layer& layer, const torch::Tensor& weight, const torch::Tensor& bias) {
    std::vector<std::int64_t> padding = {layer.padding.top, layer.padding.left};
    if (!symmetric(layer.padding)) {
        x = zero_pad(x, layer.padding);
        padding = {0, 0};
    }
    return torch::conv2d(x, weight, bias, layer.stride, padding, layer.dilation, layer.groups);
}

torch::Tensor max_pool(torch::Tensor x, const Layer& layer) {
    std::vector<std::int64_t> padding = {layer.padding.top, layer.padding.left};
    if (!symmetric(layer.padding)) {
        x = torch::constant_pad_nd(x,
                                   {layer.padding.left, layer.padding.right, layer.padding.top, layer.padding.bottom},
                                   -std::numeric_limits<float>::infinity());
        padding = {0, 0};
    }
    return torch::max_pool2d(x, {layer.kernel_height, layer.kernel_width}, {layer.stride, layer.stride}, padding,
                             layer.dilation);
}

torch::Tensor average_pool(const torch::Tensor& x, const Layer& layer) {
    const auto average = [&](const torch::Tensor& map, const std::vector<std::int64_t>& padding) {
        return torch::avg_pool2d(map, {layer.kernel_height, layer.kernel_width}, {layer.stride, layer.stride}, padding,
                                 false, layer.count_padding);
    };
    if (symmetric(layer.padding)) return average(x, {layer.padding.top, layer.padding.left});
    // LibTorch pads evenly only: average zeros too, and undo it by the share of each window that is picture.
    const torch::Tensor with_zeros = average(zero_pad(x, layer.padding), {0, 0});
    if (layer.count_padding) return with_zeros;
    const torch::Tensor picture = torch::ones({1, 1, x.size(2), x.size(3)}, x.options());
    return with_zeros / average(zero_pad(picture, layer.padding), {0, 0});
}

torch::Tensor scale(const torch::Tensor& x, const Layer& layer) {
    if (layer.factors.size() == 1) return x * layer.factors.front();
    return x * torch::tensor(layer.factors, torch::kFloat64).to(x.options()).view({1, -1, 1, 1});
}

torch::Tensor crop(const torch::Tensor& x, const Layer& layer) {
    return x.narrow(2, layer.padding.top, layer.output.height).narrow(3, layer.padding.left, layer.output.width);
}

}  // namespace

TorchNetwork::TorchNetwork(const LayerGraph& graph, int first, int last, int frozen, const TensorMap& tensors,
                           torch::Dtype dtype, Group* group)
    : graph_(graph),
      first_(std::max(first, 1)),  // the input layer does nothing
      last_(last),
      frozen_(frozen),
      group_(group),
      parameters_(graph.layers.size()),
      taken_in_(graph.layers.size(), false),
      last_reader_(graph.layers.size(), 0) {
    for (int i = first_; i < last_; ++i) {
        const Layer& layer = graph_.layers[static_cast<std::size_t>(i)];
        for (const int input : layer.inputs) last_reader_[static_cast<std::size_t>(input)] = i;
        if (layer.tensors.empty()) continue;
        Parameters& own = parameters_[static_cast<std::size_t>(i)];
        const bool normalizes = layer.kind == LayerKind::batch_norm, fixed = layer.kind == LayerKind::normalize;
        if (normalizes || fixed) {
            own.running_mean = to_torch(tensors, layer.tensors + ".running_mean", dtype);
            own.running_var = to_torch(tensors, layer.tensors + ".running_var", dtype);
        }
        if (fixed) continue;
        own.weight =
            layer.gamma ? to_torch(tensors, layer.tensors + ".weight", dtype) : torch::ones_like(own.running_mean);
        if (layer.bias || normalizes) own.bias = to_torch(tensors, layer.tensors + ".bias", dtype);
        if (i < frozen_) continue;
        if (layer.gamma) trained_.push_back(&own.weight);
        if (own.bias.defined()) trained_.push_back(&own.bias);
        if (normalizes) statistics_.insert(statistics_.end(), {own.running_mean, own.running_var});
    }
    take_in_activations();
}

std::vector<std::pair<std::string, torch::Tensor>> TorchNetwork::trained_tensors() const {
    std::vector<std::pair<std::string, torch::Tensor>> tensors;
    for (int i = std::max(first_, frozen_); i < last_; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const Parameters& own = parameters_[at];
        if (graph_.layers[at].kind == LayerKind::normalize) continue;
        for (const auto& [name, tensor] : {std::pair{".weight", &own.weight},
                                           {".bias", &own.bias},
                                           {".running_mean", &own.running_mean},
                                           {".running_var", &own.running_var}})
            if (tensor->defined() && (tensor != &own.weight || graph_.layers[at].gamma))
                tensors.emplace_back(graph_.layers[at].tensors + name, *tensor);
    }
    return tensors;
}

void TorchNetwork::take_in_activations() {
    std::vector<int> readers(graph_.layers.size(), 0);
    for (const Layer& layer : graph_.layers)
        for (const int input : layer.inputs) ++readers[static_cast<std::size_t>(input)];
    for (int i = std::max(first_, frozen_); i + 1 < last_; ++i) {
        const Layer& next = graph_.layers[static_cast<std::size_t>(i) + 1];
        taken_in_[static_cast<std::size_t>(i) + 1] =
            graph_.layers[static_cast<std::size_t>(i)].kind == LayerKind::batch_norm &&
            next.kind == LayerKind::activation && can_follow_batch_norm(next.activation) &&
            next.inputs == std::vector{i} && readers[static_cast<std::size_t>(i)] == 1;
    }
}

torch::Tensor TorchNetwork::forward(torch::Tensor input, bool training) {
    std::vector<torch::Tensor> values(graph_.layers.size());
    run(values, std::move(input), training, {last_ - 1});
    return values[static_cast<std::size_t>(last_ - 1)];
}

std::vector<torch::Tensor> TorchNetwork::outputs_at(torch::Tensor input, const std::vector<int>& cuts) {
    std::vector<torch::Tensor> values(graph_.layers.size());
    std::vector<int> keep;
    for (const int cut : cuts) keep.push_back(cut - 1);
    run(values, std::move(input), false, keep);
    std::vector<torch::Tensor> outputs;
    for (const int layer : keep) outputs.push_back(values[static_cast<std::size_t>(layer)]);
    return outputs;
}

void TorchNetwork::run(std::vector<torch::Tensor>& values, torch::Tensor input, bool training,
                       const std::vector<int>& keep) {
    values[static_cast<std::size_t>(first_ - 1)] = std::move(input);
    for (int i = first_; i < last_; ++i) {
        const bool frozen = i < frozen_;
        const torch::AutoGradMode gradients(!frozen && torch::GradMode::is_enabled());
        values[static_cast<std::size_t>(i)] = run_layer(i, values, training && !frozen);
        for (const int read : graph_.layers[static_cast<std::size_t>(i)].inputs)
            if (last_reader_[static_cast<std::size_t>(read)] == i &&
                std::find(keep.begin(), keep.end(), read) == keep.end())
                values[static_cast<std::size_t>(read)] = torch::Tensor();
    }
}

torch::Tensor TorchNetwork::run_layer(int index, const std::vector<torch::Tensor>& values, bool training) {
    const Layer& layer = graph_.layers[static_cast<std::size_t>(index)];
    const Parameters& own = parameters_[static_cast<std::size_t>(index)];
    const torch::Tensor& x = values[static_cast<std::size_t>(layer.inputs[0])];
    const auto all_inputs = [&] {
        std::vector<torch::Tensor> inputs;
        for (const int input : layer.inputs) inputs.push_back(values[static_cast<std::size_t>(input)]);
        return inputs;
    };
    switch (layer.kind) {
        case LayerKind::conv:
            return convolve(x, layer, own.weight, own.bias);
        case LayerKind::batch_norm:
            return normalize(index, x, training);
        case LayerKind::activation:
            return taken_in_[static_cast<std::size_t>(index)] ? x : activate(x, layer.activation);
        case LayerKind::zero_pad:
            return zero_pad(x, layer.padding);
        case LayerKind::max_pool:
            return max_pool(x, layer);
        case LayerKind::average_pool:
            return average_pool(x, layer);
        case LayerKind::adaptive_average_pool:
            return torch::adaptive_avg_pool2d(x, {layer.kernel_height, layer.kernel_width});
        case LayerKind::global_average_pool:
            return x.mean({2, 3});
        case LayerKind::add: {
            torch::Tensor sum = x;
            for (std::size_t i = 1; i < layer.inputs.size(); ++i)
                sum = sum + values[static_cast<std::size_t>(layer.inputs[i])];
            return sum;
        }
        case LayerKind::multiply:
            return x * values[static_cast<std::size_t>(layer.inputs[1])];
        case LayerKind::scale:
            return scale(x, layer);
        case LayerKind::normalize:
            return (x - own.running_mean.view({1, -1, 1, 1})) * own.running_var.rsqrt().view({1, -1, 1, 1});
        case LayerKind::crop:
            return crop(x, layer);
        case LayerKind::reshape:
            return x.flatten(1).unsqueeze(-1).unsqueeze(-1);  // whatever the batch, also where it is traced
        case LayerKind::concat:
            return torch::cat(all_inputs(), 1);
        case LayerKind::flatten:
            return x.flatten(1);
        case LayerKind::dense:
            return torch::linear(x.flatten(1), own.weight, own.bias);
        case LayerKind::input:
        case LayerKind::dropout:
            return x;
    }
    THAW_CHECK(false, "layer kind {}", static_cast<int>(layer.kind));
}

torch::Tensor TorchNetwork::normalize(int index, const torch::Tensor& x, bool training) {
    const Layer& layer = graph_.layers[static_cast<std::size_t>(index)];
    Parameters& own = parameters_[static_cast<std::size_t>(index)];
    const auto next = static_cast<std::size_t>(index) + 1;
    const Activation activation =
        next < taken_in_.size() && taken_in_[next] ? graph_.layers[next].activation : Activation::none;
    if (index >= frozen_ && x.is_cpu() && (training || !torch::GradMode::is_enabled()))  // it has no other gradients
        return batch_norm(x,
                          {own.weight, own.bias, own.running_mean, own.running_var, layer.momentum, layer.epsilon,
                           activation, group_},
                          training);
    if (index >= frozen_ && training && group_)
        return activate(group_batch_norm(x, own.weight, own.bias, own.running_mean, own.running_var, layer.momentum,
                                         layer.epsilon, *group_),
                        activation);
    return activate(torch::batch_norm(x, own.weight, own.bias, own.running_mean, own.running_var, training,
                                      layer.momentum, layer.epsilon, /*cudnn_enabled=*/true),
                    activation);
}

torch::Device compute_device() {
    return on_gpu() ? torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(gpu_index())) : torch::kCPU;
}

Preprocessor::Preprocessor(const Preprocessing& preprocessing, torch::Dtype dtype) : bgr_(preprocessing.bgr) {
    const auto per_channel = [&](const double* values) {
        return torch::tensor({values[0], values[1], values[2]}, torch::kFloat64)
            .to(compute_device(), dtype)
            .view({1, 3, 1, 1});
    };
    mean_ = per_channel(preprocessing.mean);
    deviation_ = per_channel(preprocessing.deviation);
}

torch::Tensor Preprocessor::operator()(const torch::Tensor& pixels) const {
    torch::Tensor values = pixels.to(mean_.scalar_type()).permute({0, 3, 1, 2});
    if (bgr_) values = values.flip({1});
    return (values - mean_).div_(deviation_);
}

torch::Tensor preprocess(const std::uint8_t* images, int count, int image_size, const Preprocessing& preprocessing,
                         torch::Dtype dtype) {
    const torch::Tensor pixels =
        torch::from_blob(const_cast<std::uint8_t*>(images), {count, image_size, image_size, 3}, torch::kUInt8);
    return Preprocessor(preprocessing, dtype)(pixels.to(compute_device())).contiguous();
}

torch::Tensor pool(const torch::Tensor& map, Pooling pooling) {
    switch (pooling) {
        case Pooling::average:
            return map.mean({2, 3});
        case Pooling::max:
            return map.amax({2, 3});
        case Pooling::flatten:
            return map.flatten(1);
    }
    THAW_CHECK(false, "pooling {}", static_cast<int>(pooling));
}

torch::Tensor activate(const torch::Tensor& x, HeadActivation activation) {
    switch (activation) {
        case HeadActivation::relu:
            return torch::relu(x);
        case HeadActivation::leaky_relu:
            return torch::leaky_relu(x, 0.2);
        case HeadActivation::elu:
            return torch::elu(x);
        case HeadActivation::selu:
            return torch::selu(x);
        case HeadActivation::gelu:
            return torch::gelu(x);
        case HeadActivation::silu:
            return torch::silu(x);
        case HeadActivation::tanh:
            return torch::tanh(x);
        case HeadActivation::sigmoid:
            return torch::sigmoid(x);
        case HeadActivation::linear:
            return x;
    }
    THAW_CHECK(false, "activation {}", static_cast<int>(activation));
}

}  // namespace thaw
