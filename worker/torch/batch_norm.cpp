#include "worker/torch/batch_norm.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "common/util/error.hpp"
#include "worker/network/batch_norm_kernel.hpp"

namespace thaw {
namespace {

struct Bounds {
    double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

Bounds bounds_of(Activation activation) {
    if (activation == Activation::none) return {};
    if (activation == Activation::relu) return {0, std::numeric_limits<double>::infinity()};
    THAW_CHECK(activation == Activation::relu6, "activation {} behind batch-norm", to_string(activation));
    return {0, 6};
}

MapShape shape_of(const torch::Tensor& maps) {
    return {maps.size(0) * maps.size(2) * maps.size(3), static_cast<int>(maps.size(1))};
}

torch::Tensor channels_last(const torch::Tensor& maps) {
    return maps.contiguous(at::MemoryFormat::ChannelsLast);
}

/// What a layer knows of its channels while it works on them.
template <typename Scalar>
struct Channels {
    std::vector<double> mean, variance;
    std::vector<Scalar> rounded_mean, scale, shift;
    Bounds bounds;

    Channels(std::vector<double> means, std::vector<double> variances, double epsilon, const torch::Tensor& weight,
             const torch::Tensor& bias, Bounds within)
        : mean(std::move(means)), variance(std::move(variances)), bounds(within) {
        const Scalar* const w = weight.data_ptr<Scalar>();
        const Scalar* const b = bias.data_ptr<Scalar>();
        for (std::size_t c = 0; c < mean.size(); ++c) {
            const double by = static_cast<double>(w[c]) / std::sqrt(variance[c] + epsilon);
            rounded_mean.push_back(static_cast<Scalar>(mean[c]));
            scale.push_back(static_cast<Scalar>(by));
            shift.push_back(static_cast<Scalar>(static_cast<double>(b[c]) - mean[c] * by));
        }
    }

    ScaleAndClamp<Scalar> clamp() const {
        return {scale.data(), shift.data(), static_cast<Scalar>(bounds.low), static_cast<Scalar>(bounds.high)};
    }
};

template <typename Scalar>
const BatchNormKernel<Scalar>& kernel() {
    return usable_batch_norm_kernels<Scalar>().front();
}

template <typename Scalar>
torch::Tensor normalized(const torch::Tensor& x, const Channels<Scalar>& channels) {
    torch::Tensor y = torch::empty_like(x);
    kernel<Scalar>().forward(x.data_ptr<Scalar>(), shape_of(x), channels.clamp(), y.data_ptr<Scalar>());
    return y;
}

std::vector<double> doubles(const torch::Tensor& tensor) {
    const torch::Tensor values = tensor.to(torch::kFloat64).contiguous();
    return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

/// By channel, the mean and the mean squared distance from it, of the whole batch; returns its rows. The parts' squared
/// distances are brought to the common mean (Chan, Golub, LeVeque: Updating formulae, 1979).
std::int64_t combine_statistics(Group& group, std::int64_t rows, std::vector<double>& mean,
                                std::vector<double>& variance) {
    const std::size_t channels = mean.size(), part = 1 + 2 * channels;
    const auto members = static_cast<std::size_t>(group.size());
    std::vector<double> parts(members * part);
    double* const own = parts.data() + static_cast<std::size_t>(group.rank()) * part;
    own[0] = static_cast<double>(rows);
    std::copy(mean.begin(), mean.end(), own + 1);
    std::copy(variance.begin(), variance.end(), own + 1 + channels);
    std::vector<std::size_t> begins;
    for (std::size_t member = 0; member <= members; ++member) begins.push_back(member * part * sizeof(double));
    group.all_gather(std::as_writable_bytes(std::span(parts)), begins);
    double total = 0;
    for (std::size_t member = 0; member < members; ++member) total += parts[member * part];
    for (std::size_t c = 0; c < channels; ++c) {
        double sum = 0, squares = 0;
        for (std::size_t member = 0; member < members; ++member)
            sum += parts[member * part] * parts[member * part + 1 + c];
        mean[c] = sum / total;
        for (std::size_t member = 0; member < members; ++member) {
            const double* const of = parts.data() + member * part;
            const double distance = of[1 + c] - mean[c];
            squares += of[0] * (of[1 + channels + c] + distance * distance);
        }
        variance[c] = squares / total;
    }
    return static_cast<std::int64_t>(total);
}

/// Sergey Ioffe, Christian Szegedy: Batch Normalization (2015), section 3.
template <typename Scalar>
class BatchNorm : public torch::autograd::Function<BatchNorm<Scalar>> {
  public:
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& input,
                                 const torch::Tensor& weight, const torch::Tensor& bias, torch::Tensor running_mean,
                                 torch::Tensor running_var, double momentum, double epsilon, Bounds bounds,
                                 Group* group) {
        const torch::Tensor x = channels_last(input);
        const MapShape shape = shape_of(x);
        std::vector<double> mean(static_cast<std::size_t>(shape.channels)), variance(mean.size());
        if (shape.rows > 0) kernel<Scalar>().statistics(x.data_ptr<Scalar>(), shape, mean.data(), variance.data());
        const auto rows =
            static_cast<double>(group ? combine_statistics(*group, shape.rows, mean, variance) : shape.rows);
        const double unbiased = rows > 1 ? rows / (rows - 1) : 1;
        Scalar* const kept_mean = running_mean.data_ptr<Scalar>();
        Scalar* const kept_var = running_var.data_ptr<Scalar>();
        for (std::size_t c = 0; c < mean.size(); ++c) {
            kept_mean[c] = static_cast<Scalar>((1 - momentum) * static_cast<double>(kept_mean[c]) + momentum * mean[c]);
            kept_var[c] = static_cast<Scalar>((1 - momentum) * static_cast<double>(kept_var[c]) +
                                              momentum * variance[c] * unbiased);
        }
        context->saved_data["epsilon"] = epsilon;
        context->saved_data["rows"] = rows;
        context->saved_data["group"] = reinterpret_cast<std::int64_t>(group);
        context->saved_data["bounds"] = std::vector<double>{bounds.low, bounds.high};
        context->saved_data["mean"] = mean;
        context->saved_data["variance"] = variance;
        context->saved_data["first"] = !input.requires_grad();
        context->save_for_backward({x, weight, bias});
        return normalized(x, Channels<Scalar>(std::move(mean), std::move(variance), epsilon, weight, bias, bounds));
    }

    static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::tensor_list gradients) {
        const auto saved = context->get_saved_variables();
        const torch::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2];
        const std::vector<double> bounds = context->saved_data["bounds"].toDoubleVector();
        const double epsilon = context->saved_data["epsilon"].toDouble();
        const Channels<Scalar> channels(context->saved_data["mean"].toDoubleVector(),
                                        context->saved_data["variance"].toDoubleVector(), epsilon, weight, bias,
                                        {bounds[0], bounds[1]});
        const torch::Tensor dy = channels_last(gradients[0]);
        const MapShape shape = shape_of(x);
        const auto count = static_cast<std::size_t>(shape.channels);
        std::vector<double> sum(count), products(count);
        kernel<Scalar>().backward_sums(x.data_ptr<Scalar>(), dy.data_ptr<Scalar>(), shape, channels.clamp(),
                                       channels.rounded_mean.data(), sum.data(), products.data());
        torch::Tensor dweight = torch::empty_like(weight), dbias = torch::empty_like(bias), dx;
        for (std::size_t i = 0; i < count; ++i) {
            const double deviation = 1 / std::sqrt(channels.variance[i] + epsilon);
            dweight.data_ptr<Scalar>()[i] = static_cast<Scalar>(products[i] * deviation);
            dbias.data_ptr<Scalar>()[i] = static_cast<Scalar>(sum[i]);
        }
        if (auto* const group = reinterpret_cast<Group*>(context->saved_data["group"].toInt())) {
            sum.insert(sum.end(), products.begin(), products.end());
            group->all_reduce_sum(std::span(sum));
            std::copy(sum.begin() + static_cast<std::ptrdiff_t>(count), sum.end(), products.begin());
        }
        std::vector<Scalar> a(count), b(count), c(count);
        const double n = context->saved_data["rows"].toDouble();
        for (std::size_t i = 0; i < count; ++i) {
            const double deviation = 1 / std::sqrt(channels.variance[i] + epsilon);
            const double by = static_cast<double>(weight.data_ptr<Scalar>()[i]) * deviation;
            a[i] = static_cast<Scalar>(by);
            b[i] = static_cast<Scalar>(-by * products[i] * deviation * deviation / n);
            c[i] = static_cast<Scalar>(-by * sum[i] / n);
        }
        if (!context->saved_data["first"].toBool()) {
            dx = torch::empty_like(x);
            kernel<Scalar>().backward(x.data_ptr<Scalar>(), dy.data_ptr<Scalar>(), shape, channels.clamp(),
                                      channels.rounded_mean.data(), a.data(), b.data(), c.data(),
                                      dx.data_ptr<Scalar>());
        }
        return {dx, dweight, dbias, {}, {}, {}, {}, {}, {}};
    }
};

template <typename Scalar>
torch::Tensor batch_norm_of(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                            torch::Tensor& running_mean, torch::Tensor& running_var, bool training, double momentum,
                            double epsilon, Activation activation, Group* group) {
    const Bounds bounds = bounds_of(activation);
    if (training)
        return BatchNorm<Scalar>::apply(x, weight, bias, running_mean, running_var, momentum, epsilon, bounds, group);
    return normalized(channels_last(x),
                      Channels<Scalar>(doubles(running_mean), doubles(running_var), epsilon, weight, bias, bounds));
}

}  // namespace

bool can_follow_batch_norm(Activation activation) {
    return activation == Activation::none || activation == Activation::relu || activation == Activation::relu6;
}

torch::Tensor batch_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                         torch::Tensor& running_mean, torch::Tensor& running_var, bool training, double momentum,
                         double epsilon, Activation activation, Group* group) {
    const auto of = x.scalar_type() == torch::kFloat64 ? batch_norm_of<double> : batch_norm_of<float>;
    return of(x, weight, bias, running_mean, running_var, training, momentum, epsilon, activation, group);
}

}  // namespace thaw
