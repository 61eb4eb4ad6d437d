#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {

/// Keras' DenseNet: epsilons 1.001e-5, else as in the paper.
using DenseNetBlocks = std::array<int, 4>;

namespace {

constexpr BatchNorm kKerasDenseNetNorm{.epsilon = 1.001e-5, .momentum = 0.01};
constexpr int kKerasDenseNetGrowth = 32;  // channels that each layer adds

void dense_norm_relu(GraphBuilder& graph, const std::string& norm, const std::string& relu) {
    graph.batch_norm(norm, kKerasDenseNetNorm);
    graph.activation(relu, Activation::relu);
}

void add_dense_layer(GraphBuilder& graph, const std::string& name) {
    graph.begin_block(name);
    const int input = graph.last();
    dense_norm_relu(graph, name + "_0_bn", name + "_0_relu");
    graph.conv(name + "_1_conv", {.channels = 4 * kKerasDenseNetGrowth});
    dense_norm_relu(graph, name + "_1_bn", name + "_1_relu");
    const int grown =
        graph.conv(name + "_2_conv", {.channels = kKerasDenseNetGrowth, .kernel = 3, .padding = graph.same(3)});
    graph.concat(name + "_concat", {input, grown});
}

void add_transition(GraphBuilder& graph, const std::string& name) {
    graph.begin_block(name);
    dense_norm_relu(graph, name + "_bn", name + "_relu");
    graph.conv(name + "_conv", {.channels = graph.channels() / 2});
    graph.average_pool(name + "_pool", 2, 2);
}

}  // namespace

static void build_keras_densenet(GraphBuilder& graph, const DenseNetBlocks& blocks, int classes) {
    graph.follow_keras();
    graph.begin_block("conv1");
    graph.zero_pad("zero_padding2d", around(3));
    graph.conv("conv1_conv", {.channels = 64, .kernel = 7, .stride = 2});
    dense_norm_relu(graph, "conv1_bn", "conv1_relu");
    graph.zero_pad("zero_padding2d_1", around(1));
    graph.max_pool("pool1", 3, 2);
    for (int stage = 0; stage < 4; ++stage) {
        for (int i = 1; i <= blocks[stage]; ++i) add_dense_layer(graph, fmt::format("conv{}_block{}", stage + 2, i));
        if (stage < 3) add_transition(graph, fmt::format("pool{}", stage + 2));
    }
    graph.begin_block("last");
    dense_norm_relu(graph, "bn", "relu");
    graph.begin_top();
    graph.global_average_pool("avg_pool");
    graph.dense("predictions", classes);
}

const std::vector<BackboneRow>& keras_densenet_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"keras_densenet121", "DenseNet", "keras", 224, 32, 0.750, 0.923},
         [](GraphBuilder& graph, int classes) {
             build_keras_densenet(graph, {6, 12, 24, 16}, classes);
         },
         keras_files("tensorflow/keras-applications/densenet", "torch",
                     {"densenet121_weights_tf_dim_ordering_tf_kernels.h5", "9d60b8095a5708f2dcce2bca79d332c7"},
                     {"densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5", "30ee3e1110167f948a6b9946edeeb738"})},
        {{"keras_densenet169", "DenseNet", "keras", 224, 32, 0.762, 0.932},
         [](GraphBuilder& graph, int classes) {
             build_keras_densenet(graph, {6, 12, 32, 32}, classes);
         },
         keras_files("tensorflow/keras-applications/densenet", "torch",
                     {"densenet169_weights_tf_dim_ordering_tf_kernels.h5", "d699b8f76981ab1b30698df4c175e90b"},
                     {"densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5", "b8c4d4c20dd625c148057b9ff1c1176b"})},
        {{"keras_densenet201", "DenseNet", "keras", 224, 32, 0.773, 0.936},
         [](GraphBuilder& graph, int classes) {
             build_keras_densenet(graph, {6, 12, 48, 32}, classes);
         },
         keras_files("tensorflow/keras-applications/densenet", "torch",
                     {"densenet201_weights_tf_dim_ordering_tf_kernels.h5", "1ceb130c1ea1b78c3bf6114dbdfd8807"},
                     {"densenet201_weights_tf_dim_ordering_tf_kernels_notop.h5", "c13680b51ded0fb44dff2d8f86ac8bb1"})},
    };
    return rows;
}

}  // namespace thaw
