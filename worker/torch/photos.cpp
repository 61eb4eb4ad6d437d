#include "worker/torch/photos.hpp"

#include <algorithm>
#include <cstring>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "worker/cache/image_cache.hpp"
#include "worker/data/decode.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/network/stage_context.hpp"
#include "worker/torch/torch_network.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

LayerGraph graph_of(const PhotoOptions& options, const ResolvedWeights& weights) {
    const int size = options.image_size ? options.image_size : find_backbone(options.backbone).default_image_size;
    return build_backbone(options.backbone, size, weights.padding);
}

void copy_centre(const std::uint8_t* from, int from_size, std::uint8_t* to, int size) {
    const auto margin = static_cast<std::size_t>((from_size - size) / 2), row = std::size_t{3};
    for (std::size_t y = 0; y < static_cast<std::size_t>(size); ++y)
        std::memcpy(to + y * static_cast<std::size_t>(size) * row,
                    from + ((y + margin) * static_cast<std::size_t>(from_size) + margin) * row,
                    static_cast<std::size_t>(size) * row);
}

bool ends_in_softmax(const LayerGraph& graph) {
    return graph.layers.back().activation == Activation::softmax;
}

}  // namespace

PhotoNetwork::PhotoNetwork(const PhotoOptions& options) : options_(options) {
    find_backbone(options.backbone);  // before its weights are looked for
    weights_ = resolve_weights(options.backbone, options.weights, weights_folders(options.weights_dir));
    graph_ = graph_of(options, weights_);
    if (options.shorter_side != 0 && options.resize != ResizeMethod::crop)
        throw UserError("--shorter-side is for --resize crop: without, nothing is cut off");
    if (options.shorter_side != 0 && options.shorter_side < graph_.image_size)
        throw UserError("--shorter-side {} is less than the {} pixels that are cut out", options.shorter_side,
                        graph_.image_size);
    StageContext context;
    const WeightsSpec spec{weights_.path.string(), weights_.sha256, weights_.preprocessing.name,
                           to_string(weights_.padding)};
    tensors_ = tensors_of(spec, graph_, 0, context);
}

void PhotoNetwork::decode(const fs::path& photo, std::uint8_t* pixels) const {
    const int size = graph_.image_size;
    DecodeOptions decode{options_.shorter_side ? options_.shorter_side : size, options_.resize, options_.interpolation,
                         options_.grey};
    if (decode.image_size == size) return decode_image(photo, decode, pixels);
    std::vector<std::uint8_t> square(decoded_row_bytes(decode));
    decode_image(photo, decode, square.data());
    copy_centre(square.data(), decode.image_size, pixels, size);
}

PhotoBatches PhotoNetwork::pass_to(int layers, std::optional<Pooling> pooling) const {
    const Tap tap{layers, pooling.has_value(), pooling.value_or(Pooling::average)};
    PhotoBatches pass;
    pass.image_size = graph_.image_size;
    pass.threads = options_.threads;
    pass.decode = [this](const fs::path& photo, std::uint8_t* pixels) { decode(photo, pixels); };
    pass.elements = static_cast<std::size_t>(tap_elements(graph_, tap));
    const std::vector<int> all = cuts(graph_);
    if (std::binary_search(all.begin(), all.end(), layers) && has_frozen_pass(layers)) {
        std::shared_ptr<const FrozenNetwork> network =
            make_frozen_network(graph_, *tensors_, weights_.preprocessing, {tap});
        pass.batch = network->batch();
        pass.run = [network](const std::uint8_t* images, int count, float* out) { network->run(images, count, {out}); };
        return pass;
    }
    // Inside a block, beside its shortcut: the frozen executor keeps only what crosses a cut.
    auto network = std::make_shared<TorchNetwork>(graph_, 0, layers, layers, *tensors_);
    pass.batch = kCanonicalBatch;
    pass.run = [this, network, layers, pooling](const std::uint8_t* images, int count, float* out) {
        const torch::InferenceMode inference;
        torch::Tensor x =
            network->outputs_at(preprocess(images, count, graph_.image_size, weights_.preprocessing), {layers})[0];
        if (pooling) x = pool(x, *pooling);
        x = x.cpu().contiguous();
        std::memcpy(out, x.data_ptr<float>(), x.nbytes());
    };
    return pass;
}

void PhotoNetwork::features(const std::vector<fs::path>& photos, int layers, std::optional<Pooling> pooling,
                            const KeepPhoto& keep) const {
    run_photos(photos, pass_to(layers, pooling), keep);
}

void PhotoNetwork::require_classifier() const {
    if (weights_.random()) throw UserError("random weights know no classes: give --weights a file or a name");
    for (auto layer = graph_.layers.begin() + graph_.top_begin; layer != graph_.layers.end(); ++layer) {
        if (layer->kind != LayerKind::dense && layer->kind != LayerKind::conv) continue;
        const auto found = tensors_->find(layer->tensors + ".weight");
        const int outputs = layer->output.channels;
        if (found == tensors_->end() || found->second.shape.empty() || found->second.shape[0] != outputs)
            throw UserError(
                "weights file {} has no ImageNet classifier ({} with {} outputs): predicting classes wants the whole "
                "network; `thaw features` does without",
                weights_.path.string(), layer->name, outputs);
    }
}

void PhotoNetwork::classify(const std::vector<fs::path>& photos, const KeepPhoto& keep) const {
    require_classifier();
    const int last = static_cast<int>(graph_.layers.size());
    TorchNetwork top(graph_, graph_.top_begin, last, last, *tensors_);
    const Shape& base = graph_.base_output();
    run_photos(photos, pass_to(graph_.top_begin, std::nullopt),
               [&](std::size_t photo, std::span<const float> values, const std::string& bad) {
                   if (!bad.empty()) return keep(photo, {}, bad);
                   const torch::InferenceMode inference;
                   torch::Tensor x = torch::empty({1, base.channels, base.height, base.width});
                   std::memcpy(x.data_ptr<float>(), values.data(), values.size_bytes());
                   x = top.forward(x.to(compute_device()), false);
                   if (!ends_in_softmax(graph_)) x = torch::softmax(x, 1);
                   x = x.cpu().contiguous();
                   keep(photo, {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())}, bad);
               });
}

}  // namespace thaw
