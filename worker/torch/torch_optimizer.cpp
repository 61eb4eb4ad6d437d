#include "worker/torch/torch_optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "worker/heads/head_kernel.hpp"
#include "worker/heads/model_state.hpp"

namespace thaw {
namespace {

std::string_view host_bytes(const torch::Tensor& on_host) {
    return {static_cast<const char*>(on_host.data_ptr()), on_host.nbytes()};
}

void assign(torch::Tensor& tensor, std::string_view bytes) {
    torch::Tensor on_host = torch::empty(tensor.sizes(), tensor.options().device(torch::kCPU));
    bytes.copy(static_cast<char*>(on_host.data_ptr()), on_host.nbytes());
    tensor.copy_(on_host);
}

/// As optimizer_rules.hpp has it.
double positive(double epsilon, torch::ScalarType type) {
    return std::max(epsilon, type == torch::kFloat64 ? std::numeric_limits<double>::min()
                                                     : static_cast<double>(std::numeric_limits<float>::min()));
}

}  // namespace

TorchOptimizer::TorchOptimizer(const Optimizer& options, double learning_rate, const std::vector<std::size_t>& tensors,
                               const torch::Tensor& like)
    : options_(options),
      keras_(options.style == OptimizerStyle::keras),
      rate_(learning_rate),
      epsilon_(positive(options.epsilon, like.scalar_type())),
      tensors_(tensors.begin(), tensors.end()) {
    const int moments = optimizer_moments(options);
    first_ = torch::zeros({moments >= 1 ? like.numel() : 0}, like.options());
    second_ = torch::zeros({moments >= 2 ? like.numel() : 0}, like.options());
}

void TorchOptimizer::step(torch::Tensor& parameters, const torch::Tensor& gradients) {
    const torch::NoGradGuard no_gradients;
    ++steps_;
    const torch::Tensor wanted = adjusted(parameters, gradients);
    switch (options_.kind) {
        case OptimizerKind::adam:
        case OptimizerKind::adamw:
            return adam(parameters, wanted);
        case OptimizerKind::sgd:
            return sgd(parameters, wanted);
        case OptimizerKind::rmsprop:
            return rmsprop(parameters, wanted);
    }
}

/// As clip_by_norm() of clipping.hpp; norms stay on the device.
torch::Tensor TorchOptimizer::clipped(const torch::Tensor& gradients) const {
    const auto factor = [this](double most, const torch::Tensor& norm) {
        return keras_ ? most / norm.clamp_min(most) : (most / (norm + 1e-6)).clamp_max(1.0);
    };
    if (options_.clipvalue > 0) return gradients.clamp(-options_.clipvalue, options_.clipvalue);
    if (options_.global_clipnorm > 0) return gradients * factor(options_.global_clipnorm, gradients.norm());
    if (options_.clipnorm <= 0) return gradients;
    std::vector<torch::Tensor> parts;
    for (const torch::Tensor& tensor : gradients.split_with_sizes(tensors_))
        parts.push_back(tensor * factor(options_.clipnorm, tensor.norm()));
    return torch::cat(parts);
}

torch::Tensor TorchOptimizer::adjusted(torch::Tensor& parameters, const torch::Tensor& gradients) const {
    const torch::Tensor short_enough = clipped(gradients);
    if (options_.weight_decay <= 0) return short_enough;
    if (!keras_ && options_.kind != OptimizerKind::adamw) return short_enough.add(parameters, options_.weight_decay);
    parameters.mul_(1 - options_.weight_decay * rate_);
    return short_enough;
}

void TorchOptimizer::adam(torch::Tensor& parameters, const torch::Tensor& gradients) {
    const auto t = static_cast<double>(steps_);
    const double correction = std::sqrt(1 - std::pow(options_.beta2, t));
    const double rate = rate_ * correction / (1 - std::pow(options_.beta1, t));
    first_.mul_(options_.beta1).add_(gradients, 1 - options_.beta1);
    second_.mul_(options_.beta2).addcmul_(gradients, gradients, 1 - options_.beta2);
    parameters.addcdiv_(first_, second_.sqrt().add_(keras_ ? epsilon_ : epsilon_ * correction), -rate);
}

void TorchOptimizer::sgd(torch::Tensor& parameters, const torch::Tensor& gradients) {
    if (options_.momentum <= 0) {
        parameters.add_(gradients, -rate_);
        return;
    }
    const double own = keras_ ? -rate_ : 1, step = keras_ ? 1 : -rate_;  // of the gradient and the buffer
    first_.mul_(options_.momentum).add_(gradients, own);
    if (options_.nesterov)
        parameters.add_(first_, step * options_.momentum).add_(gradients, -rate_);
    else
        parameters.add_(first_, step);
}

void TorchOptimizer::rmsprop(torch::Tensor& parameters, const torch::Tensor& gradients) {
    second_.mul_(options_.rho).addcmul_(gradients, gradients, 1 - options_.rho);
    const torch::Tensor root = keras_ ? (second_ + epsilon_).sqrt_() : second_.sqrt().add_(epsilon_);
    first_.mul_(options_.momentum).addcdiv_(gradients, root, keras_ ? rate_ : 1);
    parameters.add_(first_, keras_ ? -1 : -rate_);
}

std::string TorchOptimizer::state() const {
    const torch::Tensor first = first_.cpu(), second = second_.cpu();
    return join_state({bytes_of(steps_), host_bytes(first), host_bytes(second)});
}

void TorchOptimizer::restore(std::string_view state) {
    const auto parts = split_state(state, {bytes_of(steps_).size(), first_.nbytes(), second_.nbytes()});
    copy_bytes(parts[0], steps_);
    assign(first_, parts[1]);
    assign(second_, parts[2]);
}

}  // namespace thaw
