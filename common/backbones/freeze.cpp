// What a sweep's `freeze:` and `until:` may say, resolved to a number of layers.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include "common/backbones/layer_graph.hpp"
#include "common/util/error.hpp"
#include "common/util/nearest.hpp"

namespace thaw {
namespace {

bool is_dotted_prefix(std::string_view prefix, std::string_view path) {
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '.');
}

/// The last layer in [begin, end) that is called so, else the last whose name or block begins so, else the last that
/// Keras calls so; -1 for none.
int find_last(const LayerGraph& graph, std::string_view name, int begin, int end) {
    if (const int exact = graph.find(std::string(name)); exact >= begin && exact < end) return exact;
    for (int i = end - 1; i >= begin; --i) {
        const Layer& layer = graph.layers[i];
        if (is_dotted_prefix(name, layer.name) || is_dotted_prefix(name, layer.block)) return i;
    }
    for (int i = end - 1; i >= begin && !name.empty(); --i)
        if (graph.layers[i].keras == name) return i;
    return -1;
}

std::vector<std::string> valid_names(const LayerGraph& graph, std::set<std::string> names) {
    for (int i = 0; i < graph.top_begin; ++i)
        for (std::string name : {graph.layers[i].name, graph.layers[i].block, graph.layers[i].keras})
            for (; !name.empty(); name.resize(name.rfind('.'))) {
                names.insert(name);
                if (name.find('.') == std::string::npos) break;
            }
    return {names.begin(), names.end()};
}

/// How many layers there are up to and including the layer or block of this name, whole ones as Keras has them; 0 where
/// the base has none.
int layers_until(const LayerGraph& graph, const std::string& name) {
    return layers_of(graph, counted(graph, find_last(graph, name, 0, graph.top_begin) + 1));
}

/// Throws where the name is that of a layer behind the base's end. `all`: what to write for all of the base.
void refuse_beyond_base(const char* key, const LayerGraph& graph, const std::string& name, const char* all) {
    if (find_last(graph, name, graph.top_begin, static_cast<int>(graph.layers.size())) < 0) return;
    const std::string& last = graph.layers[graph.top_begin - 1].name;
    if (graph.is_cut_off)
        throw UserError("{}: '{}' of {} lies behind '{}', where `until` cuts the base off", key, name, graph.backbone,
                        last);
    throw UserError(
        "{}: '{}' is part of the ImageNet classifier of {}, which the head replaces; the base ends with '{}' (for all "
        "of it, write '{}')",
        key, name, graph.backbone, last, all);
}

/// "50": the first 50 layers; "-20": all but the last 20, as Keras' layers[:-20].
std::optional<int> parse_count(const LayerGraph& graph, std::string_view whole) {
    const bool from_end = whole.starts_with('-');
    const std::string_view text = whole.substr(from_end ? 1 : 0);
    const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (text.empty() || !digits) return std::nullopt;
    int count = 0;
    const int all = counted(graph, graph.top_begin);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count > all)
        throw UserError("freeze: {} is more than there is: the base of {} has {} layers (to freeze them, write 'all')",
                        text, graph.backbone, all);
    return layers_of(graph, from_end ? all - count : count);
}

std::optional<int> parse_percentage(const LayerGraph& graph, std::string_view text) {
    if (!text.ends_with('%')) return std::nullopt;
    const char* percent_sign = text.data() + text.size() - 1;
    double percent = -1;
    const auto [end, error] = std::from_chars(text.data(), percent_sign, percent, std::chars_format::fixed);
    if (error != std::errc() || end != percent_sign || !(percent >= 0 && percent <= 100))
        throw UserError("freeze: '{}' is no percentage from 0% to 100%", text);
    // The small push is for percentages that binary fractions miss from below, such as 0.7% of 1000.
    return layers_of(graph, static_cast<int>(std::floor(percent * counted(graph, graph.top_begin) / 100 + 1e-9)));
}

int frozen_layers(const LayerGraph& graph, const std::string& freeze) {
    if (freeze == "all") return graph.top_begin;
    if (freeze == "none") return 0;
    if (const auto count = parse_count(graph, freeze)) return *count;
    if (const auto count = parse_percentage(graph, freeze)) return *count;
    if (const int layers = layers_until(graph, freeze)) return layers;
    refuse_beyond_base("freeze", graph, freeze, "all");
    throw UserError(
        "freeze: {} has no layer or block '{}'{}; it may be all, none, a number of layers up to {}, a "
        "percentage such as 80%, or a name that `thaw backbones {}` lists",
        graph.backbone, freeze, did_you_mean(freeze, valid_names(graph, {"all", "none"})),
        counted(graph, graph.top_begin), graph.backbone);
}

/// "'a' or 'b'": the layers nearest to `layers` behind which the base can end.
std::string nearest_ends(const LayerGraph& graph, const std::vector<int>& ends, int layers) {
    std::string text;
    const auto after = std::upper_bound(ends.begin(), ends.end(), layers);
    if (after != ends.begin() && after[-1] > 1) text = fmt::format("'{}' or ", graph.layers[after[-1] - 1].name);
    return text + fmt::format("'{}'", graph.layers[*after - 1].name);
}

}  // namespace

int resolve_until(const LayerGraph& graph, const std::string& until) {
    if (until.empty() || until == "none") return 0;
    const int layers = layers_until(graph, until);
    if (layers == 0) {
        refuse_beyond_base("until", graph, until, "none");
        throw UserError(
            "until: {} has no layer or block '{}'{}; it may be none, or a name that `thaw backbones {}` lists",
            graph.backbone, until, did_you_mean(until, valid_names(graph, {"none"})), graph.backbone);
    }
    if (layers == graph.top_begin) return 0;
    const std::vector<int> ends = tap_cuts(graph), places = cuts(graph);
    if (layers > 1 && std::binary_search(ends.begin(), ends.end(), layers)) return layers;
    const char* why = layers == 1                                                ? "no layer is before it"
                      : std::binary_search(places.begin(), places.end(), layers) ? "the layer behind it belongs to it"
                                                                                 : "more than one tensor crosses there";
    throw UserError("until: the base of {} cannot end with '{}': {}; it can with {}", graph.backbone, until, why,
                    nearest_ends(graph, ends, layers));
}

FreezeDepth resolve_freeze(const LayerGraph& graph, const std::string& freeze) {
    FreezeDepth depth;
    depth.frozen_layers = frozen_layers(graph, freeze);
    for (const int cut : tap_cuts(graph))
        if (cut <= depth.frozen_layers) depth.cut = cut;
    depth.trains_batch_norm =
        std::any_of(graph.layers.begin() + depth.frozen_layers, graph.layers.begin() + graph.top_begin,
                    [](const Layer& layer) { return layer.kind == LayerKind::batch_norm; });
    return depth;
}

}  // namespace thaw
