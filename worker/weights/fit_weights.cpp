#include "worker/weights/fit_weights.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "worker/weights/keras_fit.hpp"
#include "worker/weights/name_fit.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

using Shapes = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;

/// The tensors a layer needs, by name and shape, in Keras' order.
Shapes expected_tensors(const LayerGraph& graph, const Layer& layer) {
    const std::string& prefix = layer.tensors;
    const std::int64_t out = layer.output.channels;
    Shapes shapes;
    if (layer.kind == LayerKind::batch_norm || layer.kind == LayerKind::normalize) {
        const bool fixed = layer.kind == LayerKind::normalize;
        if (layer.gamma && !fixed) shapes.push_back({prefix + ".weight", {out}});
        if (!fixed) shapes.push_back({prefix + ".bias", {out}});
        for (const char* part : {".running_mean", ".running_var"}) shapes.push_back({prefix + part, {out}});
        return shapes;
    }
    const Shape& input = graph.layers[static_cast<std::size_t>(layer.inputs.at(0))].output;
    if (layer.kind == LayerKind::conv)
        shapes.push_back(
            {prefix + ".weight", {out, input.channels / layer.groups, layer.kernel_height, layer.kernel_width}});
    else if (layer.kind == LayerKind::dense)
        shapes.push_back({prefix + ".weight", {out, input.elements()}});
    else
        THAW_CHECK(false, "layer {} of a kind without tensors has some", layer.name);
    if (layer.bias) shapes.push_back({prefix + ".bias", {out}});
    return shapes;
}

/// "3 tensors WHAT (a, b, c)"; at most five are named.
std::string listed_tensors(const std::vector<std::string>& items, const char* what) {
    constexpr std::size_t kMostNamed = 5;
    const std::vector<std::string> named(
        items.begin(), items.begin() + static_cast<std::ptrdiff_t>(std::min(items.size(), kMostNamed)));
    return fmt::format("{} tensor{} {} ({}{})", items.size(), items.size() == 1 ? "" : "s", what,
                       fmt::join(named, ", "), items.size() > kMostNamed ? ", ..." : "");
}

std::string first_names(const TensorMap& tensors) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors)
        if (names.size() < 3) names.push_back(printable(name));
    return fmt::format("{}", fmt::join(names, ", "));
}

/// `from` [rows, columns] -> `to` [columns, rows].
void transpose(const float* from, std::int64_t rows, std::int64_t columns, float* to) {
    for (std::int64_t column = 0; column < columns; ++column)
        for (std::int64_t row = 0; row < rows; ++row) *to++ = from[row * columns + column];
}

/// [height, width, channel][out] -> [out][channel, height, width]
void reorder_rows(const float* from, const Shape& flattened, std::int64_t out, float* to) {
    const std::int64_t channels = flattened.channels, pixels = std::int64_t{flattened.height} * flattened.width;
    for (std::int64_t o = 0; o < out; ++o)
        for (std::int64_t c = 0; c < channels; ++c)
            for (std::int64_t pixel = 0; pixel < pixels; ++pixel) *to++ = from[(pixel * channels + c) * out + o];
}

HostTensor converted(const PlacedTensor& placed, WeightsFile& file) {
    const std::vector<std::int64_t>& shape = placed.needed.shape;
    if (placed.layout == Layout::ones) return {shape, std::vector<float>(static_cast<std::size_t>(shape[0]), 1.0F)};
    HostTensor& source = file.tensors.at(placed.source);
    if (placed.layout == Layout::same) return std::move(source);
    HostTensor target{shape, std::vector<float>(source.values.size())};
    const float* from = source.values.data();
    float* to = target.values.data();
    if (placed.layout == Layout::conv) {
        transpose(from, shape[2] * shape[3] * shape[1], shape[0], to);  // [out][height, width, in]
        const std::vector<float> rows = target.values;
        for (std::int64_t o = 0; o < shape[0]; ++o)
            transpose(rows.data() + o * shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[1],
                      to + o * shape[1] * shape[2] * shape[3]);
    } else if (placed.layout == Layout::depthwise) {
        transpose(from, shape[2] * shape[3], shape[0], to);
    } else {
        reorder_rows(from, placed.flattened, shape[0], to);
    }
    return target;
}

[[noreturn]] void refuse(const LayerGraph& graph, const WeightsFile& file, const WeightsFit& fit,
                         const std::string& path) {
    std::vector<std::string> faults;
    if (!fit.missing.empty()) faults.push_back(listed_tensors(fit.missing, "missing"));
    if (!fit.misshapen.empty()) faults.push_back(listed_tensors(fit.misshapen, "of another shape"));
    if (!fit.extra.empty()) faults.push_back(listed_tensors(fit.extra, "it has no place for"));
    if (!fit.under.empty()) faults.push_back(fmt::format("looked at those under '{}'", printable(fit.under)));
    const NetworkMatch match = closest_network(file);
    std::string advice;
    if (match.fits())
        advice = fmt::format("; the file fits backbone '{0}': write `backbone: {0}` for it, or take weights of {1}",
                             match.backbone, graph.backbone);
    else if (match.placed > 0)
        advice = fmt::format("; the closest backbone is '{}' ({} of {} tensors)", match.backbone, match.placed,
                             match.needed);
    throw UserError(
        "weights file {} does not fit backbone '{}': {}; the file has {} tensors (the first: {}){}. "
        "`thaw weights inspect {} --backbone {}` lists all",
        path, graph.backbone, fmt::join(faults, "; "), file.tensors.size(), first_names(file.tensors), advice, path,
        graph.backbone);
}

}  // namespace

std::size_t WeightsFit::placed_in_base() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(placed, [](const PlacedTensor& tensor) { return tensor.needed.base; }));
}

std::vector<NeededTensor> needed_tensors(const LayerGraph& graph) {
    std::vector<NeededTensor> needed;
    for (std::size_t i = 0; i < graph.layers.size(); ++i) {
        const Layer& layer = graph.layers[i];
        if (layer.tensors.empty()) continue;
        for (auto& [name, shape] : expected_tensors(graph, layer))
            needed.push_back({name, shape, &layer, static_cast<int>(i) < graph.top_begin});
    }
    return needed;
}

WeightsFit find_fit(const LayerGraph& graph, const WeightsFile& file) {
    // A network that Keras does not have (torchvision's MobileNetV2) has no layer that a Keras file could name.
    const bool by_keras = !file.keras.empty() && std::any_of(graph.layers.begin(), graph.layers.end(),
                                                             [](const Layer& layer) { return !layer.keras.empty(); });
    return by_keras ? find_keras_fit(graph, file) : find_name_fit(graph, file);
}

TensorMap fit_weights(const LayerGraph& graph, WeightsFile file, const std::string& path) {
    const WeightsFit fit = find_fit(graph, file);
    if (!fit.fits()) refuse(graph, file, fit, path);
    TensorMap tensors;
    for (const PlacedTensor& placed : fit.placed) tensors[placed.needed.name] = converted(placed, file);
    if (const std::string faults = not_finite_text(tensors); !faults.empty())
        throw UserError(
            "weights file {}: in its weights {}: nothing can be computed with them; fetch the file again, or save the "
            "weights of an epoch before the training diverged",
            path, faults);
    return tensors;
}

std::string taken_text(const WeightsFit& fit) {
    if (fit.under.empty() && fit.also_under.empty()) return "";
    std::string text = fmt::format("taken: the {} tensors under '{}'", fit.placed.size(), printable(fit.under));
    if (!fit.extra.empty()) text += "; left: " + listed_tensors(fit.extra, "that the backbone has no place for");
    for (const std::string& other : fit.also_under)
        text += fmt::format("; those under '{}' would fit as well", printable(other));
    return text;
}

std::string not_finite_text(const TensorMap& tensors) {
    constexpr std::size_t kMostNamed = 5;
    std::vector<std::string> faults;
    for (const auto& [name, tensor] : tensors) {
        std::size_t nan = 0, inf = 0;
        for (const float value : tensor.values) {
            nan += std::isnan(value);
            inf += std::isinf(value);
        }
        if (nan + inf == 0) continue;
        const char* plural = nan + inf == 1 ? "value that is no number" : "values that are no numbers";
        faults.push_back(fmt::format("'{}' has {} {} ({} nan, {} inf)", printable(name), nan + inf, plural, nan, inf));
    }
    const std::size_t more = faults.size() > kMostNamed ? faults.size() - kMostNamed : 0;
    faults.resize(faults.size() - more);
    return fmt::format("{}{}", fmt::join(faults, ", "), more > 0 ? fmt::format(", and {} more tensors", more) : "");
}

NetworkMatch closest_network(const WeightsFile& file) {
    NetworkMatch best;
    for (const BackboneInfo& info : backbones()) {
        const LayerGraph graph = build_backbone(info.name, info.default_image_size, PaddingStyle::symmetric);
        const WeightsFit fit = find_fit(graph, file);
        NetworkMatch match{info.name, fit.placed_in_base(), 0, fit.extra.size()};
        for (const NeededTensor& needed : needed_tensors(graph)) match.needed += needed.base;
        const auto rank = [](const NetworkMatch& m) {
            const double share = m.needed == 0 ? 0 : static_cast<double>(m.placed) / static_cast<double>(m.needed);
            return std::tuple(share, m.placed, -static_cast<double>(m.extra));
        };
        if (match.placed > 0 && (best.backbone.empty() || rank(match) > rank(best))) best = match;
    }
    return best;
}

}  // namespace thaw
