// The frozen executor on LibTorch: on CPUs, and on a GPU, where it launches a recorded pass.
#include <algorithm>
#include <cstring>
#include <mutex>

#include "common/util/error.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/torch/device.hpp"
#include "worker/torch/folded_graph.hpp"
#include "worker/torch/recorded_work.hpp"
#include "worker/torch/torch_network.hpp"

namespace thaw {
namespace {

constexpr int kGpuBatch = 64;

class FrozenTorchNetwork : public FrozenNetwork {
  public:
    FrozenTorchNetwork(const LayerGraph& graph, const TensorMap& tensors, const Preprocessing& preprocessing,
                       std::vector<Tap> taps, torch::Dtype dtype)
        : image_size_(graph.image_size), preprocessor_(preprocessing), dtype_(dtype), taps_(std::move(taps)) {
        for (const Tap& tap : taps_) cuts_.push_back(tap.cut);
        const int deepest = *std::max_element(cuts_.begin(), cuts_.end());
        const FoldedGraph folded = fold_batch_norms(graph, tensors, cuts_);
        network_ = std::make_unique<TorchNetwork>(folded.graph, 0, deepest, deepest, folded.tensors, dtype);
        if (!on_gpu()) return;
        pixels_ = torch::zeros({kGpuBatch, image_size_, image_size_, 3},
                               torch::dtype(torch::kUInt8).device(compute_device()));
        pass_ = record([this] { kept_ = forward(pixels_); });
    }

    int batch() const override { return on_gpu() ? kGpuBatch : kCanonicalBatch; }

    void run(const std::uint8_t* images, int count, const std::vector<float*>& outputs) const override {
        const torch::InferenceMode inference;
        const torch::Tensor given =
            torch::from_blob(const_cast<std::uint8_t*>(images), {count, image_size_, image_size_, 3}, torch::kUInt8);
        if (pass_) {
            const std::lock_guard lock(mutex_);  // one pass at a time: it has its memory
            pixels_.narrow(0, 0, count).copy_(given);
            pass_->run();
            copy(kept_, count, outputs);
        } else {
            // LibTorch picks its kernels by the batch's size, and they round differently: every batch is a full one.
            const torch::Tensor full = torch::constant_pad_nd(given, {0, 0, 0, 0, 0, 0, 0, kCanonicalBatch - count});
            copy(forward(full), count, outputs);
        }
    }

  private:
    std::vector<torch::Tensor> forward(const torch::Tensor& pixels) const {
        const torch::InferenceMode inference;
        torch::Tensor batch = preprocessor_(pixels).to(dtype_);
        batch = batch.contiguous(on_gpu() ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
        std::vector<torch::Tensor> maps = network_->outputs_at(batch, cuts_);
        for (std::size_t i = 0; i < taps_.size(); ++i) {
            maps[i] = maps[i].to(torch::kFloat32);
            maps[i] = (taps_[i].pooled ? pool(maps[i], taps_[i].pooling) : maps[i]).contiguous();
        }
        return maps;
    }

    static void copy(const std::vector<torch::Tensor>& kept, int count, const std::vector<float*>& outputs) {
        for (std::size_t i = 0; i < kept.size(); ++i) {
            const torch::Tensor rows = kept[i].narrow(0, 0, count);
            torch::from_blob(outputs[i], rows.sizes(), torch::kFloat32).copy_(rows);
        }
    }

    int image_size_;
    Preprocessor preprocessor_;
    torch::Dtype dtype_;
    std::vector<Tap> taps_;
    std::vector<int> cuts_;
    std::unique_ptr<TorchNetwork> network_;
    // On a GPU: the recorded pass, what it reads and what it leaves.
    mutable std::mutex mutex_;
    mutable torch::Tensor pixels_;
    std::vector<torch::Tensor> kept_;
    std::unique_ptr<RecordedWork> pass_;
};

}  // namespace

std::unique_ptr<FrozenNetwork> make_frozen_network(const LayerGraph& graph, const TensorMap& tensors,
                                                   const Preprocessing& preprocessing, const std::vector<Tap>& taps,
                                                   Precision precision) {
    check_supported(precision);
    const auto dtype = precision == Precision::bfloat16 ? torch::kBFloat16 : torch::kFloat32;
    return std::make_unique<FrozenTorchNetwork>(graph, tensors, preprocessing, taps, dtype);
}

bool supports(Precision precision) {
    return precision == Precision::float32 || (on_gpu() && gpu_has_bfloat16());
}

std::string frozen_back_end(Precision precision) {
    return fmt::format("libtorch {}.{}{}{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, on_gpu() ? " cuda" : "",
                       precision == Precision::float32 ? "" : fmt::format(" {}", to_string(precision)));
}

}  // namespace thaw
