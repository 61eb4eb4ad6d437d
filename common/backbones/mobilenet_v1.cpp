#include <fmt/format.h>

#include "common/backbones/families.hpp"
#include "common/backbones/keras_names.hpp"

namespace thaw {
namespace {

struct SeparableBlock {
    int channels, stride;
};

// Blocks 1 to 13: a depthwise 3x3 and a pointwise convolution each.
constexpr SeparableBlock kSeparableBlocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                                               {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

/// A convolution, its batch-norm and its ReLU6 under these names; `keras` is what Keras calls the convolution.
void add_named_conv(GraphBuilder& graph, const std::array<std::string, 3>& names, const std::string& keras,
                    const Conv& conv) {
    graph.conv(names[0], conv);
    graph.in_keras(keras);
    graph.batch_norm(names[1], kKerasNorm);
    graph.in_keras(keras + "_bn");
    graph.activation(names[2], Activation::relu6);
    graph.in_keras(keras + "_relu");
}

void add_separable_block(GraphBuilder& graph, int number, const SeparableBlock& block) {
    const std::string name = fmt::format("features.{}", number);
    graph.begin_block(name);
    Padding padding = graph.same(3, block.stride);
    if (block.stride == 2) {
        if (graph.padding_style() == PaddingStyle::tensorflow) padding = {0, 1, 0, 1};  // Keras: for odd pictures, too
        graph.zero_pad(name + ".pad", padding);
        graph.in_keras(fmt::format("conv_pad_{}", number));
        padding = {};
    }
    const int in = graph.channels();
    add_named_conv(graph, {name + ".dw", name + ".dw_bn", name + ".dw_relu"}, fmt::format("conv_dw_{}", number),
                   {.channels = in, .kernel = 3, .stride = block.stride, .groups = in, .padding = padding});
    add_named_conv(graph, {name + ".pw", name + ".pw_bn", name + ".pw_relu"}, fmt::format("conv_pw_{}", number),
                   {.channels = block.channels});
}

}  // namespace

/// MobileNet v1 of width 1.0, layers and arithmetic as Keras.
static void build_mobilenet_v1(GraphBuilder& graph, int classes) {
    graph.in_keras("input_layer");
    graph.begin_block("features.0");
    add_named_conv(graph, {"features.0.conv", "features.0.bn", "features.0.relu"}, "conv1",
                   {.channels = 32, .kernel = 3, .stride = 2, .padding = graph.same(3, 2)});
    int number = 0;
    for (const SeparableBlock& block : kSeparableBlocks) add_separable_block(graph, ++number, block);
    graph.begin_top();
    graph.global_average_pool("avgpool");
    graph.in_keras("global_average_pooling2d");
    graph.dropout("dropout");
    graph.in_keras("dropout");
    graph.dense("classifier", classes);  // a 1x1 convolution there
    graph.in_keras("conv_preds");
}

const std::vector<BackboneRow>& mobilenet_v1_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"mobilenet_v1", "MobileNet", "keras", 224, 32, 0.704, 0.895},
         build_mobilenet_v1,
         with_keras({tensorflow_model("mobilenet_v1_imagenet.pth",
                                      "75759315f3e2d46706acf4117385cde217d6bf2a0db9c8e5371b82860d46d030")},
                    keras_files("tensorflow/keras-applications/mobilenet", "tf", {"mobilenet_1_0_224_tf.h5"},
                                {"mobilenet_1_0_224_tf_no_top.h5"}))},
    };
    return rows;
}

}  // namespace thaw
