// What a sweep's `freeze:` may say, resolved to a number of layers.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include "common/backbones/layer_graph.hpp"
#include "common/error.hpp"
#include "common/nearest.hpp"

namespace thaw {
namespace {

bool is_dotted_prefix(std::string_view prefix, std::string_view path) {
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '.');
}

/// The last layer in [begin, end) that is called so, else the last whose name or block begins so; -1 for none.
int find_last(const LayerGraph& graph, std::string_view name, int begin, int end) {
    if (const int exact = graph.find(std::string(name)); exact >= begin && exact < end) return exact;
    for (int i = end - 1; i >= begin; --i) {
        const Layer& layer = graph.layers[i];
        if (is_dotted_prefix(name, layer.name) || is_dotted_prefix(name, layer.block)) return i;
    }
    return -1;
}

std::vector<std::string> valid_names(const LayerGraph& graph) {
    std::set<std::string> names = {"all", "none"};
    for (int i = 0; i < graph.top_begin; ++i)
        for (std::string name : {graph.layers[i].name, graph.layers[i].block})
            for (;; name.resize(name.rfind('.'))) {
                names.insert(name);
                if (name.find('.') == std::string::npos) break;
            }
    return {names.begin(), names.end()};
}

std::optional<int> parse_count(const LayerGraph& graph, std::string_view text) {
    const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (text.empty() || !digits) return std::nullopt;
    int count = 0;
    const int all = counted(graph, graph.top_begin);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count > all)
        throw UserError("freeze: {} is more than there is: the base of {} has {} layers (to freeze them, write 'all')",
                        text, graph.backbone, all);
    return layers_of(graph, count);
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
    if (const int found = find_last(graph, freeze, 0, graph.top_begin); found >= 0)
        return layers_of(graph, counted(graph, found + 1));
    if (find_last(graph, freeze, graph.top_begin, static_cast<int>(graph.layers.size())) >= 0)
        throw UserError(
            "freeze: '{}' is part of the ImageNet classifier of {}, which the head replaces; the base ends "
            "with '{}' (to freeze all of it, write 'all')",
            freeze, graph.backbone, graph.layers[graph.top_begin - 1].name);
    throw UserError(
        "freeze: {} has no layer or block '{}'{}; it may be all, none, a number of layers up to {}, a "
        "percentage such as 80%, or a name that `thaw backbones {}` lists",
        graph.backbone, freeze, did_you_mean(freeze, valid_names(graph)), counted(graph, graph.top_begin),
        graph.backbone);
}

}  // namespace

FreezeDepth resolve_freeze(const LayerGraph& graph, const std::string& freeze) {
    FreezeDepth depth;
    depth.frozen_layers = frozen_layers(graph, freeze);
    for (const int cut : tap_cuts(graph))
        if (cut <= depth.frozen_layers) depth.cut = cut;
    return depth;
}

}  // namespace thaw
