#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/backbones/efficientnet_channels.hpp"
#include "common/backbones/families.hpp"
#include "common/backbones/keras_names.hpp"

namespace thaw {

/// EfficientNet takes pixels from 0 to 255: its first layers, whose statistics are in the weight file, normalize them.
struct EfficientNet {
    double width, depth;  // factors on channels and on repeats
};

namespace {

struct EfficientNetStage {
    int kernel, repeats, out, expansion, stride;
};

constexpr EfficientNetStage kEfficientNetStages[] = {{3, 1, 16, 1, 1}, {3, 2, 24, 6, 2},  {5, 2, 40, 6, 2},
                                                     {3, 3, 80, 6, 2}, {5, 3, 112, 6, 1}, {5, 4, 192, 6, 2},
                                                     {3, 1, 320, 6, 1}};

constexpr double kSqueeze = 0.25;  // of a block's input channels

void norm_swish(GraphBuilder& graph, const std::string& norm, const std::string& swish) {
    graph.batch_norm(norm, kKerasNorm);
    graph.activation(swish, Activation::swish);
}

/// A convolution whose Keras layer has its activation inside.
int activated_conv(GraphBuilder& graph, const std::string& name, int channels, Activation activation) {
    graph.conv(name, {.channels = channels, .bias = true});
    return graph.activation(name + ".activation", activation);
}

void squeeze_and_excite(GraphBuilder& graph, const std::string& prefix, int squeezed) {
    const int map = graph.last();
    const int channels = graph.channels();
    graph.global_average_pool(prefix + "se_squeeze");
    graph.reshape(prefix + "se_reshape");
    activated_conv(graph, prefix + "se_reduce", squeezed, Activation::swish);
    graph.multiply(prefix + "se_excite", map,
                   activated_conv(graph, prefix + "se_expand", channels, Activation::sigmoid));
}

void depthwise_norm_swish(GraphBuilder& graph, const std::string& prefix, int kernel, int stride) {
    Padding padding = graph.same(kernel, stride);
    if (stride == 2) {
        graph.zero_pad(prefix + "dwconv_pad", padding);
        padding = {};
    }
    const int channels = graph.channels();
    graph.conv(prefix + "dwconv",
               {.channels = channels, .kernel = kernel, .stride = stride, .groups = channels, .padding = padding});
    norm_swish(graph, prefix + "bn", prefix + "activation");
}

void add_mbconv(GraphBuilder& graph, const std::string& name, const EfficientNetStage& stage, int channels,
                int stride) {
    graph.begin_block(name);
    const std::string prefix = name + "_";
    const int input = graph.last();
    const int in_channels = graph.channels();
    if (stage.expansion != 1) {
        graph.conv(prefix + "expand_conv", {.channels = in_channels * stage.expansion});
        norm_swish(graph, prefix + "expand_bn", prefix + "expand_activation");
    }
    depthwise_norm_swish(graph, prefix, stage.kernel, stride);
    squeeze_and_excite(graph, prefix, std::max(1, static_cast<int>(in_channels * kSqueeze)));
    graph.conv(prefix + "project_conv", {.channels = channels});
    graph.batch_norm(prefix + "project_bn", kKerasNorm);
    if (stride == 1 && in_channels == channels) graph.add(prefix + "add", {graph.dropout(prefix + "drop"), input});
}

/// (pixel / 255 - mean) / deviation, in the three steps that Keras takes for its weights: their stored variance is
/// the deviation, and the last layer makes up for it.
void add_preprocessing(GraphBuilder& graph) {
    graph.begin_block("preprocessing");
    graph.scale("rescaling", {1.0 / 255});
    graph.normalize("normalization");
    graph.scale("rescaling_1", {1 / std::sqrt(0.229), 1 / std::sqrt(0.224), 1 / std::sqrt(0.225)});
}

}  // namespace

static void build_efficientnet(GraphBuilder& graph, const EfficientNet& scale, int classes) {
    graph.follow_keras();
    add_preprocessing(graph);
    graph.begin_block("stem");
    graph.zero_pad("stem_conv_pad", graph.same(3, 2));
    graph.conv("stem_conv", {.channels = scale_channels(32, scale.width), .kernel = 3, .stride = 2});
    norm_swish(graph, "stem_bn", "stem_activation");
    int number = 0;
    for (const EfficientNetStage& stage : kEfficientNetStages) {
        ++number;
        const int repeats = static_cast<int>(std::ceil(stage.repeats * scale.depth));
        for (int i = 0; i < repeats; ++i)
            add_mbconv(graph, fmt::format("block{}{}", number, static_cast<char>('a' + i)), stage,
                       scale_channels(stage.out, scale.width), i == 0 ? stage.stride : 1);
    }
    graph.begin_block("last");
    graph.conv("top_conv", {.channels = scale_channels(1280, scale.width)});
    norm_swish(graph, "top_bn", "top_activation");
    graph.begin_top();
    graph.global_average_pool("avg_pool");
    graph.dropout("top_dropout");
    graph.dense("predictions", classes);
}

const std::vector<BackboneRow>& efficientnet_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"efficientnet_b0", "EfficientNet", "keras", 224, 32, 0.771, 0.933},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet(graph, {1.0, 1.0}, classes);
         },
         keras_files("keras-applications", "raw", {"efficientnetb0.h5", "902e53a9f72be733fc0bcb005b3ebbac"},
                     {"efficientnetb0_notop.h5", "50bc09e76180e00e4465e1a485ddc09d"})},
        {{"efficientnet_b1", "EfficientNet", "keras", 240, 32, 0.791, 0.944},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet(graph, {1.0, 1.1}, classes);
         },
         keras_files("keras-applications", "raw", {"efficientnetb1.h5", "1d254153d4ab51201f1646940f018540"},
                     {"efficientnetb1_notop.h5", "74c4e6b3e1f6a1eea24c589628592432"})},
        {{"efficientnet_b2", "EfficientNet", "keras", 260, 32, 0.801, 0.949},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet(graph, {1.1, 1.2}, classes);
         },
         keras_files("keras-applications", "raw", {"efficientnetb2.h5", "b15cce36ff4dcbd00b6dd88e7857a6ad"},
                     {"efficientnetb2_notop.h5", "111f8e2ac8aa800a7a99e3239f7bfb39"})},
        {{"efficientnet_b3", "EfficientNet", "keras", 300, 32, 0.816, 0.957},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet(graph, {1.2, 1.4}, classes);
         },
         keras_files("keras-applications", "raw", {"efficientnetb3.h5", "ffd1fdc53d0ce67064dc6a9c7960ede0"},
                     {"efficientnetb3_notop.h5", "af6d107764bb5b1abb91932881670226"})},
    };
    return rows;
}

}  // namespace thaw
