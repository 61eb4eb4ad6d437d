#include "worker/network/folded_convolution.hpp"

#include <cmath>

#include "common/util/error.hpp"

namespace thaw {

const std::vector<float>& values_of(const TensorMap& tensors, const std::string& name) {
    const auto found = tensors.find(name);
    THAW_CHECK(found != tensors.end(), "tensor {} is missing, though the weights were checked", name);
    return found->second.values;
}

FoldedConvolution fold(const Layer& conv, const Layer* norm, const TensorMap& tensors) {
    FoldedConvolution folded{values_of(tensors, conv.tensors + ".weight"), {}};
    const auto outputs = static_cast<std::size_t>(conv.output.channels);
    folded.bias = conv.bias ? values_of(tensors, conv.tensors + ".bias") : std::vector<float>(outputs, 0.0F);
    if (!norm) return folded;
    const float* gamma = norm->gamma ? values_of(tensors, norm->tensors + ".weight").data() : nullptr;
    const auto& beta = values_of(tensors, norm->tensors + ".bias");
    const auto& mean = values_of(tensors, norm->tensors + ".running_mean");
    const auto& variance = values_of(tensors, norm->tensors + ".running_var");
    const std::size_t each = folded.weight.size() / outputs;
    for (std::size_t c = 0; c < outputs; ++c) {
        const double scale = (gamma ? gamma[c] : 1.0) / std::sqrt(static_cast<double>(variance[c]) + norm->epsilon);
        for (std::size_t i = 0; i < each; ++i)
            folded.weight[c * each + i] = static_cast<float>(folded.weight[c * each + i] * scale);
        folded.bias[c] = static_cast<float>(beta[c] + (folded.bias[c] - mean[c]) * scale);
    }
    return folded;
}

}  // namespace thaw
