// The frozen executor on oneDNN 2: one thread a pass, weights packed once, buffers kept between batches.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "worker/network/frozen_network.hpp"
#include "worker/network/onednn_program.hpp"

namespace thaw {
namespace {

/// [pixels, channels] -> [channels]
void reduce(const float* map, int pixels, int channels, Pooling pooling, float* out) {
    std::copy(map, map + channels, out);
    for (int p = 1; p < pixels; ++p) {
        const float* pixel = map + static_cast<std::ptrdiff_t>(p) * channels;
        for (int c = 0; c < channels; ++c)
            out[c] = pooling == Pooling::max ? std::max(out[c], pixel[c]) : out[c] + pixel[c];
    }
    if (pooling == Pooling::average)
        for (int c = 0; c < channels; ++c) out[c] /= static_cast<float>(pixels);
}

class FrozenOneDnnNetwork : public FrozenNetwork {
  public:
    FrozenOneDnnNetwork(const LayerGraph& graph, const TensorMap& tensors, Preprocessing preprocessing,
                        std::vector<Tap> taps, Precision precision)
        : image_size_(graph.image_size), preprocessing_(std::move(preprocessing)), taps_(std::move(taps)) {
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t byte = 0; byte < 256; ++byte)
                levels_[c][byte] = (static_cast<float>(byte) - static_cast<float>(preprocessing_.mean[c])) /
                                   static_cast<float>(preprocessing_.deviation[c]);
        program_ = compile_for_onednn(graph, tensors, taps_, precision, engine_);
        for (const Tap& tap : taps_) shapes_.push_back(graph.layers[static_cast<std::size_t>(tap.cut - 1)].output);
    }

    void run(const std::uint8_t* images, int count, const std::vector<float*>& outputs) const override {
        std::unique_ptr<OneDnnWorkspace> space = take_workspace();
        prepare_input(
            images, count,
            static_cast<float*>(space->buffers[static_cast<std::size_t>(program_.input.buffer)].get_data_handle()));
        for (const OneDnnStep& step : program_.steps) step(*space);
        space->stream.wait();
        for (std::size_t i = 0; i < taps_.size(); ++i) {
            const auto* map = static_cast<const float*>(
                space->buffers[static_cast<std::size_t>(program_.outputs[i].buffer)].get_data_handle());
            keep(taps_[i], shapes_[i], map, count, outputs[i]);
        }
        const std::lock_guard lock(mutex_);
        spare_.push_back(std::move(space));
    }

  private:
    std::unique_ptr<OneDnnWorkspace> take_workspace() const {
        {
            const std::lock_guard lock(mutex_);
            if (!spare_.empty()) {
                auto space = std::move(spare_.back());
                spare_.pop_back();
                return space;
            }
        }
        const auto bytes = [&](std::size_t size) {
            return dnnl::memory({{static_cast<dnnl::memory::dim>(std::max<std::size_t>(size, 64))},
                                 dnnl::memory::data_type::u8,
                                 dnnl::memory::format_tag::a},
                                engine_);
        };
        auto space = std::make_unique<OneDnnWorkspace>(
            OneDnnWorkspace{dnnl::stream(engine_), {}, bytes(program_.scratchpad_bytes)});
        for (const std::size_t size : program_.buffer_bytes) space->buffers.push_back(bytes(size));
        return space;
    }

    /// Images that are not there are zeros: a batch always has the same shape, and an image's features the same bits.
    void prepare_input(const std::uint8_t* images, int count, float* nchw) const {
        const std::ptrdiff_t pixels = static_cast<std::ptrdiff_t>(image_size_) * image_size_;
        for (int i = 0; i < count; ++i)
            for (int c = 0; c < 3; ++c) {
                const std::uint8_t* in = images + 3 * i * pixels + (preprocessing_.bgr ? 2 - c : c);
                float* plane = nchw + (3 * i + c) * pixels;
                for (std::ptrdiff_t p = 0; p < pixels; ++p) plane[p] = levels_[at(c)][in[3 * p]];
            }
        std::fill(nchw + 3 * count * pixels, nchw + 3 * kCanonicalBatch * pixels, 0.0F);
    }

    static std::size_t at(int index) { return static_cast<std::size_t>(index); }

    static void keep(const Tap& tap, const Shape& shape, const float* map, int count, float* out) {
        const std::ptrdiff_t elements = shape.elements();
        if (!tap.pooled || tap.pooling == Pooling::flatten) {
            std::copy(map, map + count * elements, out);
            return;
        }
        for (int i = 0; i < count; ++i)
            reduce(map + i * elements, shape.height * shape.width, shape.channels, tap.pooling,
                   out + static_cast<std::ptrdiff_t>(i) * shape.channels);
    }

    int image_size_;
    Preprocessing preprocessing_;
    std::array<std::array<float, 256>, 3> levels_;  // what each byte of each channel becomes
    std::vector<Tap> taps_;
    dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
    OneDnnProgram program_;
    std::vector<Shape> shapes_;
    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<OneDnnWorkspace>> spare_;
};

}  // namespace

std::unique_ptr<FrozenNetwork> make_frozen_network(const LayerGraph& graph, const TensorMap& tensors,
                                                   const Preprocessing& preprocessing, const std::vector<Tap>& taps,
                                                   Precision precision) {
    check_supported(precision);
    return std::make_unique<FrozenOneDnnNetwork>(graph, tensors, preprocessing, taps, precision);
}

bool supports(Precision precision) {
    // Each instruction set's number has the bits of those it includes.
    constexpr auto kNeeded = static_cast<int>(dnnl::cpu_isa::avx512_core_bf16);
    return precision == Precision::float32 || (static_cast<int>(dnnl::get_effective_cpu_isa()) & kNeeded) == kNeeded;
}

std::string frozen_back_end(Precision precision) {
    const dnnl_version_t* version = dnnl_version();
    return fmt::format("oneDNN {}.{}{}", version->major, version->minor,
                       precision == Precision::float32 ? "" : fmt::format(" {}", to_string(precision)));
}

}  // namespace thaw
