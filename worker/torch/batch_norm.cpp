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

/// What a training step's backward pass needs of its forward pass.
template <typename Scalar>
struct TrainedChannels : torch::CustomClassHolder {
    TrainedChannels(Channels<Scalar> known, double rows_of_batch, const BatchNormLayer& layer, bool is_first)
        : channels(std::move(known)),
          rows(rows_of_batch),
          epsilon(layer.epsilon),
          group(layer.group),
          first(is_first) {}

    const Channels<Scalar> channels;
    const double rows, epsilon;
    Group* const group;
    const bool first;  // nothing before it is trained
};

/// Sums over the whole batch, whoever has a part of it.
void sum_over(Group& group, std::vector<double>& sum, std::vector<double>& products) {
    const auto count = static_cast<std::ptrdiff_t>(sum.size());
    sum.insert(sum.end(), products.begin(), products.end());
    group.all_reduce_sum(std::span(sum));
    std::copy(sum.begin() + count, sum.end(), products.begin());
}

/// Sergey Ioffe, Christian Szegedy: Batch Normalization (2015), section 3.
template <typename Scalar>
class BatchNorm : public torch::autograd::Function<BatchNorm<Scalar>> {
  public:
    /// Weight and bias are those of the layer: autograd has to see them.
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& input,
                                 const torch::Tensor& weight, const torch::Tensor& bias, const BatchNormLayer& layer) {
        const torch::Tensor x = channels_last(input);
        const MapShape shape = shape_of(x);
        std::vector<double> mean(static_cast<std::size_t>(shape.channels)), variance(mean.size());
        if (shape.rows > 0) kernel<Scalar>().statistics(x.data_ptr<Scalar>(), shape, mean.data(), variance.data());
        const auto rows = static_cast<double>(layer.group ? combine_statistics(*layer.group, shape.rows, mean, variance)
                                                          : shape.rows);
        const double unbiased = rows > 1 ? rows / (rows - 1) : 1, momentum = layer.momentum;
        Scalar* const kept_mean = layer.running_mean.data_ptr<Scalar>();
        Scalar* const kept_var = layer.running_var.data_ptr<Scalar>();
        for (std::size_t c = 0; c < mean.size(); ++c) {
            kept_mean[c] = static_cast<Scalar>((1 - momentum) * static_cast<double>(kept_mean[c]) + momentum * mean[c]);
            kept_var[c] = static_cast<Scalar>((1 - momentum) * static_cast<double>(kept_var[c]) +
                                              momentum * variance[c] * unbiased);
        }
        const auto kept = c10::make_intrusive<TrainedChannels<Scalar>>(
            Channels<Scalar>(std::move(mean), std::move(variance), layer.epsilon, weight, bias,
                             bounds_of(layer.activation)),
            rows, layer, !input.requires_grad());
        context->saved_data["channels"] = c10::IValue::make_capsule(kept);
        context->save_for_backward({x, weight, bias});
        return normalized(x, kept->channels);
    }

    static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::tensor_list gradients) {
        const auto saved = context->get_saved_variables();
        const torch::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2];
        const auto kept =
            c10::static_intrusive_pointer_cast<TrainedChannels<Scalar>>(context->saved_data["channels"].toCapsule());
        const Channels<Scalar>& channels = kept->channels;
        const torch::Tensor dy = channels_last(gradients[0]);
        const MapShape shape = shape_of(x);
        const auto count = static_cast<std::size_t>(shape.channels);
        std::vector<double> sum(count), products(count);
        kernel<Scalar>().backward_sums(x.data_ptr<Scalar>(), dy.data_ptr<Scalar>(), shape, channels.clamp(),
                                       channels.rounded_mean.data(), sum.data(), products.data());
        torch::Tensor dweight = torch::empty_like(weight), dbias = torch::empty_like(bias), dx;
        for (std::size_t i = 0; i < count; ++i) {
            const double deviation = 1 / std::sqrt(channels.variance[i] + kept->epsilon);
            dweight.data_ptr<Scalar>()[i] = static_cast<Scalar>(products[i] * deviation);
            dbias.data_ptr<Scalar>()[i] = static_cast<Scalar>(sum[i]);
        }
        if (kept->group) sum_over(*kept->group, sum, products);
        if (!kept->first) dx = input_gradient(x, dy, weight, *kept, sum, products);
        return {dx, dweight, dbias, {}};
    }

  private:
    static torch::Tensor input_gradient(const torch::Tensor& x, const torch::Tensor& dy, const torch::Tensor& weight,
                                        const TrainedChannels<Scalar>& kept, const std::vector<double>& sum,
                                        const std::vector<double>& products) {
        const Channels<Scalar>& channels = kept.channels;
        const std::size_t count = channels.mean.size();
        std::vector<Scalar> a(count), b(count), c(count);
        const double n = kept.rows;
        for (std::size_t i = 0; i < count; ++i) {
            const double deviation = 1 / std::sqrt(channels.variance[i] + kept.epsilon);
            const double by = static_cast<double>(weight.data_ptr<Scalar>()[i]) * deviation;
            a[i] = static_cast<Scalar>(by);
            b[i] = static_cast<Scalar>(-by * products[i] * deviation * deviation / n);
            c[i] = static_cast<Scalar>(-by * sum[i] / n);
        }
        torch::Tensor dx = torch::empty_like(x);
        kernel<Scalar>().backward(x.data_ptr<Scalar>(), dy.data_ptr<Scalar>(), shape_of(x), channels.clamp(),
                                  channels.rounded_mean.data(), a.data(), b.data(), c.data(), dx.data_ptr<Scalar>());
        return dx;
    }
};

template <typename Scalar>
torch::Tensor batch_norm_of(const torch::Tensor& x, const BatchNormLayer& layer, bool training) {
    if (training) return BatchNorm<Scalar>::apply(x, layer.weight, layer.bias, layer);
    return normalized(channels_last(x),
                      Channels<Scalar>(doubles(layer.running_mean), doubles(layer.running_var), layer.epsilon,
                                       layer.weight, layer.bias, bounds_of(layer.activation)));
}

}  // namespace

bool can_follow_batch_norm(Activation activation) {
    return activation == Activation::none || activation == Activation::relu || activation == Activation::relu6;
}

torch::Tensor batch_norm(const torch::Tensor& x, const BatchNormLayer& layer, bool training) {
    return x.scalar_type() == torch::kFloat64 ? batch_norm_of<double>(x, layer, training)
                                              : batch_norm_of<float>(x, layer, training);
}

}  // namespace thaw
