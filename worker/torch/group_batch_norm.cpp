#include "worker/torch/group_batch_norm.hpp"

namespace thaw {
namespace {

torch::Tensor summed(const torch::Tensor& values, Group& group) {
    torch::Tensor sums = values.detach().to(torch::kFloat64).contiguous().clone();
    group.all_reduce_sum(std::span(sums.data_ptr<double>(), static_cast<std::size_t>(sums.numel())));
    return sums.to(values.scalar_type());
}

/// Each member's term goes into all members' results: their gradients are summed as well.
struct GroupSum : torch::autograd::Function<GroupSum> {
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& values, Group* group) {
        context->saved_data["group"] = reinterpret_cast<std::int64_t>(group);
        return summed(values, *group);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        auto* group = reinterpret_cast<Group*>(context->saved_data["group"].toInt());
        return {summed(gradients[0], *group), torch::Tensor()};
    }
};

}  // namespace

torch::Tensor group_batch_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                               torch::Tensor& running_mean, torch::Tensor& running_var, double momentum, double epsilon,
                               Group& group) {
    const auto per_channel = [](const torch::Tensor& values) { return values.view({1, -1, 1, 1}); };
    const auto group_sum = [&](const torch::Tensor& values) { return GroupSum::apply(values, &group); };
    const double own = static_cast<double>(x.numel() / x.size(1));
    const double count =
        summed(torch::full({1}, own, torch::dtype(torch::kFloat64).device(x.device())), group).item<double>();
    const torch::Tensor mean = group_sum(x.sum({0, 2, 3})) / count;
    const torch::Tensor centred = x - per_channel(mean);
    const torch::Tensor variance = group_sum((centred * centred).sum({0, 2, 3})) / count;
    {
        const torch::NoGradGuard no_gradients;
        running_mean.mul_(1 - momentum).add_(mean, momentum);
        running_var.mul_(1 - momentum).add_(variance, momentum * count / (count - 1));
    }
    return centred * per_channel(weight * torch::rsqrt(variance + epsilon)) + per_channel(bias);
}

}  // namespace thaw
