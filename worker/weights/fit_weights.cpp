#include "worker/weights/fit_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/error.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

using Shapes = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;

/// The tensors a layer needs, by name and shape.
Shapes needed_tensors(const LayerGraph& graph, const Layer& layer) {
    const std::string& prefix = layer.tensors;
    const std::int64_t out = layer.output.channels;
    Shapes shapes;
    const bool fixed = layer.kind == LayerKind::normalize;
    if (layer.kind == LayerKind::batch_norm || fixed) {
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
std::string listed(const std::vector<std::string>& items, const char* what) {
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

}  // namespace

void check_weights_fit(const LayerGraph& graph, const TensorMap& tensors, const std::string& file) {
    std::vector<std::string> missing, misshapen;
    for (int i = 0; i < graph.top_begin; ++i) {
        const Layer& layer = graph.layers[static_cast<std::size_t>(i)];
        if (layer.tensors.empty()) continue;
        for (const auto& [name, shape] : needed_tensors(graph, layer)) {
            const auto found = tensors.find(name);
            if (found == tensors.end())
                missing.push_back(name);
            else if (found->second.shape != shape)
                misshapen.push_back(fmt::format("{} is [{}], needs [{}]", name, fmt::join(found->second.shape, ", "),
                                                fmt::join(shape, ", ")));
        }
    }
    if (missing.empty() && misshapen.empty()) return;
    std::vector<std::string> faults;
    if (!missing.empty()) faults.push_back(listed(missing, "missing"));
    if (!misshapen.empty()) faults.push_back(listed(misshapen, "of another shape"));
    throw UserError("weights file {} does not fit backbone '{}': {}; the file has {} tensors (the first: {})", file,
                    graph.backbone, fmt::join(faults, "; "), tensors.size(), first_names(tensors));
}

}  // namespace thaw
