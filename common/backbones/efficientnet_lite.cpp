#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/backbones/families.hpp"

namespace thaw {
namespace {

constexpr BatchNorm kNorm{.epsilon = 1e-3, .momentum = 0.01};

struct Stage {
    int repeats, kernel, stride, expansion, channels;
};

constexpr Stage kStages[] = {{1, 3, 1, 1, 16},  {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80},
                             {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320}};

/// To the nearest multiple of 8, but never down by more than a tenth.
int scale_channels(int channels, double width) {
    const double scaled = channels * width;
    const int rounded = std::max(8, static_cast<int>(scaled + 4) / 8 * 8);
    return rounded < 0.9 * scaled ? rounded + 8 : rounded;
}

/// The first and the last stage are never repeated more often.
int scale_repeats(const Stage& stage, double depth) {
    const bool fixed = &stage == std::begin(kStages) || &stage == std::end(kStages) - 1;
    return fixed ? stage.repeats : static_cast<int>(std::ceil(stage.repeats * depth));
}

void norm_relu6(GraphBuilder& graph, const std::string& prefix, int number) {
    graph.batch_norm(fmt::format("{}_bn{}", prefix, number), kNorm);
    graph.activation(fmt::format("{}_relu{}", prefix, number), Activation::relu6);
}

void add_block(GraphBuilder& graph, const std::string& name, const Stage& stage, int channels, int stride) {
    graph.begin_block(name);
    const std::string prefix = name + ".";
    const int input = graph.last();
    const int in_channels = graph.channels();
    if (stage.expansion != 1) {
        graph.conv(prefix + "_expand_conv", {.channels = in_channels * stage.expansion});
        norm_relu6(graph, prefix, 0);
    }
    const int expanded = graph.channels();
    graph.conv(prefix + "_depthwise_conv", {.channels = expanded,
                                            .kernel = stage.kernel,
                                            .stride = stride,
                                            .groups = expanded,
                                            .padding = graph.same(stage.kernel, stride)});
    norm_relu6(graph, prefix, 1);
    graph.conv(prefix + "_project_conv", {.channels = channels});
    const int projected = graph.batch_norm(prefix + "_bn2", kNorm);
    if (stride == 1 && in_channels == channels) graph.add(prefix + "add", {input, projected});
}

}  // namespace

void build_efficientnet_lite(GraphBuilder& graph, const EfficientNetLite& scale, int classes) {
    graph.begin_block("stem");
    graph.conv("_conv_stem", {.channels = 32, .kernel = 3, .stride = 2, .padding = graph.same(3, 2)});
    norm_relu6(graph, "", 0);
    int number = 0;
    for (const Stage& stage : kStages) {
        const int channels = scale_channels(stage.channels, scale.width);
        const int repeats = scale_repeats(stage, scale.depth);
        for (int i = 0; i < repeats; ++i)
            add_block(graph, fmt::format("_blocks.{}", number++), stage, channels, i == 0 ? stage.stride : 1);
    }
    graph.begin_block("last");
    graph.conv("_conv_head", {.channels = 1280});
    norm_relu6(graph, "", 1);
    graph.begin_top();
    graph.global_average_pool("_avg_pooling");
    graph.dropout("_dropout");
    graph.dense("_fc", classes);
}

}  // namespace thaw
