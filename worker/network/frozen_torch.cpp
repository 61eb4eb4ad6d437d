// The frozen executor on LibTorch.
#include <algorithm>
#include <cstring>

#include "common/error.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/network/torch_network.hpp"

namespace thaw {
namespace {

class FrozenTorchNetwork : public FrozenNetwork {
  public:
    FrozenTorchNetwork(const LayerGraph& graph, const TensorMap& tensors, Preprocessing preprocessing,
                       std::vector<Tap> taps)
        : image_size_(graph.image_size), preprocessing_(std::move(preprocessing)), taps_(std::move(taps)) {
        for (const Tap& tap : taps_) cuts_.push_back(tap.cut);
        const int deepest = *std::max_element(cuts_.begin(), cuts_.end());
        network_ = std::make_unique<TorchNetwork>(graph, 0, deepest, deepest, tensors);
    }

    void run(const std::uint8_t* images, int count, const std::vector<float*>& outputs) const override {
        const torch::InferenceMode inference;
        // LibTorch picks its kernels by the batch's size, and they round differently: every batch is a full one.
        torch::Tensor batch = preprocess(images, count, image_size_, preprocessing_);
        batch = torch::constant_pad_nd(batch, {0, 0, 0, 0, 0, 0, 0, kCanonicalBatch - count});
        const auto maps = network_->outputs_at(batch, cuts_);
        for (std::size_t i = 0; i < taps_.size(); ++i) {
            const torch::Tensor map = maps[i].narrow(0, 0, count);
            const torch::Tensor kept = (taps_[i].pooled ? pool(map, taps_[i].pooling) : map).contiguous();
            std::memcpy(outputs[i], kept.data_ptr<float>(), static_cast<std::size_t>(kept.numel()) * sizeof(float));
        }
    }

  private:
    int image_size_;
    Preprocessing preprocessing_;
    std::vector<Tap> taps_;
    std::vector<int> cuts_;
    std::unique_ptr<TorchNetwork> network_;
};

}  // namespace

std::unique_ptr<FrozenNetwork> make_frozen_network(const LayerGraph& graph, const TensorMap& tensors,
                                                   const Preprocessing& preprocessing, const std::vector<Tap>& taps,
                                                   Precision precision) {
    check_supported(precision);
    return std::make_unique<FrozenTorchNetwork>(graph, tensors, preprocessing, taps);
}

bool supports(Precision precision) {
    return precision == Precision::float32;
}

std::string frozen_back_end(Precision precision) {
    return fmt::format("libtorch {}.{}{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR,
                       precision == Precision::float32 ? "" : fmt::format(" {}", to_string(precision)));
}

}  // namespace thaw
