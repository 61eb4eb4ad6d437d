#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {
namespace {

struct MobileNetV2Stage {
    int expansion, channels, repeats, stride;  // the stride of its first block
};

constexpr MobileNetV2Stage kMobileNetV2Stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                                   {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

/// torchvision's ConvNormActivation: PREFIX.0 is the convolution, PREFIX.1 the batch-norm.
void conv_norm_relu6(GraphBuilder& graph, const std::string& prefix, const Conv& conv) {
    graph.conv(prefix + ".0", conv);
    graph.batch_norm(prefix + ".1", {});
    graph.activation(prefix + ".relu", Activation::relu6);
}

/// Keras pads in a layer of its own before a depthwise convolution with a stride.
void depthwise_norm_relu6(GraphBuilder& graph, const std::string& prefix, int stride) {
    Padding padding = graph.same(3, stride);
    if (stride == 2) {
        graph.zero_pad(prefix + ".pad", padding);
        padding = {};
    }
    const int channels = graph.channels();
    conv_norm_relu6(graph, prefix,
                    {.channels = channels, .kernel = 3, .stride = stride, .groups = channels, .padding = padding});
}

void add_inverted_residual(GraphBuilder& graph, const std::string& name, int expansion, int channels, int stride) {
    graph.begin_block(name);
    const int input = graph.last();
    const int in_channels = graph.channels();
    int part = 0;
    const auto next = [&] { return fmt::format("{}.conv.{}", name, part++); };
    if (expansion != 1) conv_norm_relu6(graph, next(), {.channels = in_channels * expansion});
    depthwise_norm_relu6(graph, next(), stride);
    graph.conv(next(), {.channels = channels});
    const int projected = graph.batch_norm(next(), {});
    if (stride == 1 && in_channels == channels) graph.add(name + ".add", {input, projected});
}

}  // namespace

/// MobileNetV2 of width 1.0: tensors and arithmetic as torchvision, padding layers counted as Keras.
static void build_mobilenet_v2(GraphBuilder& graph, int classes) {
    graph.begin_block("features.0");
    conv_norm_relu6(graph, "features.0", {.channels = 32, .kernel = 3, .stride = 2, .padding = graph.same(3, 2)});
    int number = 0;
    for (const MobileNetV2Stage& stage : kMobileNetV2Stages)
        for (int i = 0; i < stage.repeats; ++i)
            add_inverted_residual(graph, fmt::format("features.{}", ++number), stage.expansion, stage.channels,
                                  i == 0 ? stage.stride : 1);
    graph.begin_block("features.18");
    conv_norm_relu6(graph, "features.18", {.channels = 1280});
    graph.begin_top();
    graph.global_average_pool("avgpool");
    graph.dropout("classifier.0");
    graph.dense("classifier.1", classes);
}

const std::vector<BackboneRow>& mobilenet_v2_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"mobilenet_v2", "MobileNetV2", "torchvision", 224, 1, 0.71878, 0.90286},
         build_mobilenet_v2,
         {tensorflow_model("mobilenet_v2_imagenet.pth",
                           "32238f94862ee0f9de2abbfaca7314f3507ff3747d3b6d1d63ca521530c2819e"),
          torchvision(2, "mobilenet_v2-7ebf99e0.pth", "7ebf99e0"),
          torchvision(1, "mobilenet_v2-b0353104.pth", "b0353104")}},
    };
    return rows;
}

}  // namespace thaw
