// A network of a few layers for tests of how weight files fit.
#pragma once

#include "common/backbones/layer_graph.hpp"

namespace thaw {

/// Input, depthwise convolution, batch-norm, convolution with bias, flatten, dense; on top another dense.
inline LayerGraph tiny_graph() {
    LayerGraph graph;
    graph.backbone = "tiny";
    const auto add = [&](LayerKind kind, Shape output, const char* tensors) -> Layer& {
        Layer& layer = graph.layers.emplace_back();
        if (graph.layers.size() > 1) layer.inputs = {static_cast<int>(graph.layers.size()) - 2};
        layer.kind = kind;
        layer.output = output;
        layer.tensors = layer.keras = tensors;
        layer.kernel_height = layer.kernel_width = 1;
        return layer;
    };
    add(LayerKind::input, {3, 4, 4}, "");
    Layer& depthwise = add(LayerKind::conv, {3, 4, 4}, "dw");
    depthwise.groups = 3;
    depthwise.kernel_height = 3;
    depthwise.kernel_width = 5;
    add(LayerKind::batch_norm, {3, 4, 4}, "bn");
    add(LayerKind::conv, {8, 4, 4}, "pw").bias = true;
    add(LayerKind::flatten, {128, 1, 1}, "");
    add(LayerKind::dense, {6, 1, 1}, "hidden").bias = true;
    graph.top_begin = static_cast<int>(graph.layers.size());
    add(LayerKind::dense, {10, 1, 1}, "top").bias = true;
    return graph;
}

}  // namespace thaw
