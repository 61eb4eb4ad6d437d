#include "worker/torch/torch_optimizer.hpp"

#include <limits>
#include <type_traits>

#include "worker/heads/model_state.hpp"
#include "worker/heads/optimizer_rules.hpp"

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

template <>
struct Arithmetic<torch::Tensor> {
    using Constant = double;
    static constexpr double kSmallest = std::numeric_limits<float>::min();  // tensors may be of floats
    static torch::Tensor root(const torch::Tensor& x) { return x.sqrt(); }
};

}  // namespace

TorchOptimizer::TorchOptimizer(const Optimizer& options, double learning_rate, const std::vector<std::size_t>& tensors,
                               const torch::Tensor& like)
    : options_(options), rate_(learning_rate), tensors_(tensors.begin(), tensors.end()) {
    const int moments = optimizer_moments(options);
    first_ = torch::zeros({moments >= 1 ? like.numel() : 0}, like.options());
    second_ = torch::zeros({moments >= 2 ? like.numel() : 0}, like.options());
}

void TorchOptimizer::step(torch::Tensor& parameters, const torch::Tensor& gradients) {
    const torch::NoGradGuard no_gradients;
    ++steps_;
    const torch::Tensor wanted = adjusted(parameters, gradients);
    with_rule<torch::Tensor>({options_, rate_, steps_}, [&]<typename Rule>(const Rule& rule) {
        using Value = torch::Tensor;
        if constexpr (std::is_invocable_v<Rule, Value, Value&>)
            rule(wanted, parameters);
        else if constexpr (std::is_invocable_v<Rule, Value, Value&, Value&>)
            rule(wanted, parameters, first_);
        else
            rule(wanted, parameters, first_, second_);
    });
}

/// As clip_by_norm() of clipping.hpp; norms stay on the device.
torch::Tensor TorchOptimizer::clipped(const torch::Tensor& gradients) const {
    const bool keras = options_.style == OptimizerStyle::keras;
    const auto factor = [keras](double most, const torch::Tensor& norm) {
        return keras ? most / norm.clamp_min(most) : (most / (norm + 1e-6)).clamp_max(1.0);
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
    if (!decays_apart(options_)) return short_enough.add(parameters, options_.weight_decay);
    parameters.mul_(1 - options_.weight_decay * rate_);
    return short_enough;
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
