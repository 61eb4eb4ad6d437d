// Backbones as text for people: the table of all, and one graph layer by layer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "common/util/text.hpp"

namespace thaw {
namespace {

using SummaryRow = std::vector<std::string>;

std::string dimensions(const Shape& shape) {
    if (shape.height == 1 && shape.width == 1) return std::to_string(shape.channels);
    return fmt::format("{} x {} x {}", shape.channels, shape.height, shape.width);
}

/// The kind with what tells it from its neighbours: "conv 3x3, stride 2".
std::string describe(const LayerGraph& graph, const Layer& layer) {
    if (layer.kind == LayerKind::activation) return to_string(layer.activation);
    std::string text = to_string(layer.kind);
    std::replace(text.begin(), text.end(), '_', ' ');
    const bool depthwise = layer.kind == LayerKind::conv && layer.groups > 1 &&
                           layer.groups == graph.layers[layer.inputs.front()].output.channels;
    if (depthwise) text = "depthwise " + text;
    if (layer.kind != LayerKind::zero_pad && layer.kernel_height > 0)
        text += fmt::format(" {}x{}", layer.kernel_height, layer.kernel_width);
    if (layer.stride > 1) text += fmt::format(", stride {}", layer.stride);
    if (layer.groups > 1 && !depthwise) text += fmt::format(", {} groups", layer.groups);
    return text;
}

/// Columns as wide as their widest cell; those in `right` (by number) are right-aligned. The first row is the title.
std::string layout(const std::vector<SummaryRow>& rows, const std::vector<std::size_t>& right) {
    std::vector<std::size_t> widths(rows.front().size(), 0);
    for (const SummaryRow& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string text;
    for (const SummaryRow& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const bool to_right = std::find(right.begin(), right.end(), i) != right.end();
            line += to_right ? fmt::format("{:>{}}  ", row[i], widths[i]) : fmt::format("{:<{}}  ", row[i], widths[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
        if (&row == &rows.front()) text += std::string(line.size(), '-') + "\n";
    }
    return text;
}

struct Totals {
    std::int64_t parameters = 0, trainable = 0, flops = 0;
};

/// Statistics are never trainable.
std::int64_t untrainable(const Layer& layer) {
    if (layer.kind == LayerKind::normalize) return layer.parameters;
    return layer.kind == LayerKind::batch_norm ? 2 * layer.output.channels : 0;
}

/// Of layers [begin, end), the first `frozen` of the graph frozen.
Totals total(const LayerGraph& graph, int begin, int end, int frozen) {
    Totals sum;
    for (int i = begin; i < end; ++i) {
        const Layer& layer = graph.layers[i];
        sum.parameters += layer.parameters;
        sum.flops += layer.flops;
        if (i >= frozen) sum.trainable += layer.parameters - untrainable(layer);
    }
    return sum;
}

std::string gflops(std::int64_t flops) {
    return fmt::format("{:.2f}", flops / 1e9);
}

std::string totals_text(const LayerGraph& graph, int frozen) {
    const int count = static_cast<int>(graph.layers.size());
    const Totals base = total(graph, 0, graph.top_begin, frozen);
    const Totals whole = total(graph, 0, count, frozen);
    const auto column = [&](const char* title, std::int64_t Totals::*member) {
        return SummaryRow{title, thousands(base.*member), thousands(whole.*member)};
    };
    const auto untrained = [](const Totals& sum) { return thousands(sum.parameters - sum.trainable); };
    return layout({{"", "base", "with classifier"},
                   {"layers", thousands(counted(graph, graph.top_begin)), thousands(counted(graph, count))},
                   column("parameters", &Totals::parameters),
                   column("  trainable", &Totals::trainable),
                   {"  non-trainable", untrained(base), untrained(whole)},
                   {"GFLOPs an image", gflops(base.flops), gflops(whole.flops)}},
                  {1, 2});
}

std::string freeze_text(const LayerGraph& graph, const std::string& freeze, const FreezeDepth& depth) {
    if (depth.frozen_layers == 0) return fmt::format("freeze: {} freezes nothing.\n", freeze);
    std::string text =
        fmt::format("freeze: {} freezes {} of {} layers, up to {}; ", freeze, counted(graph, depth.frozen_layers),
                    counted(graph, graph.top_begin), graph.layers[depth.frozen_layers - 1].name);
    text +=
        fmt::format("the cut is after layer {} ({}).\n", counted(graph, depth.cut), graph.layers[depth.cut - 1].name);
    return text;
}

}  // namespace

Table backbones_table(const StepTimes& times) {
    Table table{{"name", "family", "pixels", "layers", "cuts", "MB", "parameters", "base parameters", "GFLOPs", "top-1",
                 "top-5", "CPU ms", "GPU ms", "follows"},
                {}};
    const auto known = [](std::optional<double> value) { return value ? Cell(*value) : Cell(); };
    const auto percentage = [](double fraction) {
        return fraction > 0 ? Cell(std::round(1e5 * fraction) / 1e3) : Cell();
    };
    for (const BackboneInfo& info : backbones()) {
        const LayerGraph graph = build_backbone(info.name, info.default_image_size, PaddingStyle::symmetric);
        const Totals base = total(graph, 0, graph.top_begin, 0);
        const Totals whole = total(graph, 0, static_cast<int>(graph.layers.size()), 0);
        table.rows.push_back(
            {info.name, info.family, std::int64_t{info.default_image_size},
             std::int64_t{counted(graph, graph.top_begin)}, static_cast<std::int64_t>(tap_cuts(graph).size()),
             std::round(4.0 * static_cast<double>(whole.parameters) / 1e6), whole.parameters, base.parameters,
             std::round(static_cast<double>(whole.flops) / 1e7) / 100, percentage(info.published_top1),
             percentage(info.published_top5), known(times.cpu(graph)), known(times.gpu(graph)), info.reference});
    }
    return table;
}

std::string backbone_summary(const LayerGraph& graph, const std::string& freeze) {
    const FreezeDepth depth = freeze.empty() ? FreezeDepth{} : resolve_freeze(graph, freeze);
    const std::vector<int> all_cuts = tap_cuts(graph);
    std::vector<SummaryRow> rows = {{"", "layer", "kind", "output", "parameters", "MFLOPs", "", ""}};
    for (int n = 1; n <= static_cast<int>(graph.layers.size()); ++n) {
        const Layer& layer = graph.layers[n - 1];
        const bool cut = std::binary_search(all_cuts.begin(), all_cuts.end(), n);
        const char* part = n <= depth.frozen_layers ? "frozen" : n > graph.top_begin ? "classifier" : "";
        const std::string number = continues_counted_layer(graph, n - 1) ? "" : std::to_string(counted(graph, n));
        rows.push_back({number, layer.name, describe(graph, layer), dimensions(layer.output),
                        thousands(layer.parameters), fmt::format("{:.2f}", layer.flops / 1e6), cut ? "cut" : "", part});
    }
    std::string text = fmt::format("{}, images of {} x {} pixels, {} padding\n\n", graph.backbone, graph.image_size,
                                   graph.image_size, to_string(graph.padding_style));
    text += layout(rows, {0, 4, 5}) + "\n" + totals_text(graph, depth.frozen_layers);
    if (!freeze.empty()) text += "\n" + freeze_text(graph, freeze, depth);
    return text;
}

}  // namespace thaw
