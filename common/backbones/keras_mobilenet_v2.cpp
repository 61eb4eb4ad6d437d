#include <fmt/format.h>

#include "common/backbones/families.hpp"
#include "common/backbones/keras_names.hpp"

namespace thaw {
namespace {

constexpr BatchNorm kKerasMobileNetV2Norm{.epsilon = 1e-3, .momentum = 0.001};

struct KerasMobileNetV2Stage {
    int expansion, channels, repeats, stride;  // the stride of its first block
};

constexpr KerasMobileNetV2Stage kKerasMobileNetV2Stages[] = {
    {1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

void keras_norm_relu6(GraphBuilder& graph, const std::string& norm, const std::string& relu) {
    graph.batch_norm(norm, kKerasMobileNetV2Norm);
    graph.activation(relu, Activation::relu6);
}

void add_keras_inverted_residual(GraphBuilder& graph, const std::string& prefix, const KerasMobileNetV2Stage& stage,
                                 int stride) {
    const int input = graph.last();
    const int in_channels = graph.channels();
    if (stage.expansion != 1) {
        graph.conv(prefix + "expand", {.channels = in_channels * stage.expansion});
        keras_norm_relu6(graph, prefix + "expand_BN", prefix + "expand_relu");
    }
    Padding padding = graph.same(3, stride);
    if (stride == 2) {
        graph.zero_pad(prefix + "pad", padding);
        padding = {};
    }
    const int expanded = graph.channels();
    graph.conv(prefix + "depthwise",
               {.channels = expanded, .kernel = 3, .stride = stride, .groups = expanded, .padding = padding});
    keras_norm_relu6(graph, prefix + "depthwise_BN", prefix + "depthwise_relu");
    graph.conv(prefix + "project", {.channels = stage.channels});
    const int projected = graph.batch_norm(prefix + "project_BN", kKerasMobileNetV2Norm);
    if (stride == 1 && in_channels == stage.channels) graph.add(prefix + "add", {input, projected});
}

}  // namespace

/// MobileNetV2 with Keras' names, and its epsilon, which is not torchvision's.
static void build_keras_mobilenet_v2(GraphBuilder& graph, int classes) {
    graph.follow_keras();
    graph.begin_block("Conv1");
    graph.conv("Conv1", {.channels = 32, .kernel = 3, .stride = 2, .padding = graph.same(3, 2)});
    keras_norm_relu6(graph, "bn_Conv1", "Conv1_relu");
    int number = 0;
    for (const KerasMobileNetV2Stage& stage : kKerasMobileNetV2Stages)
        for (int i = 0; i < stage.repeats; ++i, ++number) {
            graph.begin_block(fmt::format("block_{}", number));
            add_keras_inverted_residual(graph, number == 0 ? "expanded_conv_" : fmt::format("block_{}_", number), stage,
                                        i == 0 ? stage.stride : 1);
        }
    graph.begin_block("Conv_1");
    graph.conv("Conv_1", {.channels = 1280});
    keras_norm_relu6(graph, "Conv_1_bn", "out_relu");
    graph.begin_top();
    graph.global_average_pool("global_average_pooling2d");
    graph.dense("predictions", classes);
}

const std::vector<BackboneRow>& keras_mobilenet_v2_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"keras_mobilenet_v2", "MobileNetV2", "keras", 224, 32, 0.713, 0.901},
         build_keras_mobilenet_v2,
         keras_files("tensorflow/keras-applications/mobilenet_v2", "tf",
                     {"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"},
                     {"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"})},
    };
    return rows;
}

}  // namespace thaw
