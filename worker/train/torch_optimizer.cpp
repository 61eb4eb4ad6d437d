#include "worker/train/torch_optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "worker/train/head_kernel.hpp"
#include "worker/train/model_state.hpp"

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

TorchOptimizer::TorchOptimizer(const Optimizer& options, double learning_rate, const torch::Tensor& like)
    : options_(options), rate_(learning_rate), epsilon_(positive(options.epsilon, like.scalar_type())) {
    const int moments = optimizer_moments(options);
    first_ = torch::zeros({moments >= 1 ? like.numel() : 0}, like.options());
    second_ = torch::zeros({moments >= 2 ? like.numel() : 0}, like.options());
}

void TorchOptimizer::step(torch::Tensor& parameters, const torch::Tensor& gradients) {
    const torch::NoGradGuard no_gradients;
    ++steps_;
    switch (options_.kind) {
        case OptimizerKind::adam:
        case OptimizerKind::adamw:
            return adam(parameters, gradients);
        case OptimizerKind::sgd:
            return sgd(parameters, gradients);
        case OptimizerKind::rmsprop:
            return rmsprop(parameters, gradients);
    }
}

void TorchOptimizer::adam(torch::Tensor& parameters, const torch::Tensor& gradients) {
    const auto t = static_cast<double>(steps_);
    const double rate = rate_ * std::sqrt(1 - std::pow(options_.beta2, t)) / (1 - std::pow(options_.beta1, t));
    first_.mul_(options_.beta1).add_(gradients, 1 - options_.beta1);
    second_.mul_(options_.beta2).addcmul_(gradients, gradients, 1 - options_.beta2);
    parameters.addcdiv_(first_, second_.sqrt().add_(epsilon_), -rate);
}

void TorchOptimizer::sgd(torch::Tensor& parameters, const torch::Tensor& gradients) {
    if (options_.momentum <= 0) {
        parameters.add_(gradients, -rate_);
        return;
    }
    first_.mul_(options_.momentum).add_(gradients, -rate_);
    if (options_.nesterov)
        parameters.add_(first_, options_.momentum).add_(gradients, -rate_);
    else
        parameters.add_(first_);
}

void TorchOptimizer::rmsprop(torch::Tensor& parameters, const torch::Tensor& gradients) {
    second_.mul_(options_.rho).addcmul_(gradients, gradients, 1 - options_.rho);
    first_.mul_(options_.momentum).addcdiv_(gradients, (second_ + epsilon_).sqrt_(), rate_);
    parameters.sub_(first_);
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
