#include <fmt/format.h>

#include "common/backbones/keras_rows.hpp"

namespace thaw {
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

void build_keras_densenet(GraphBuilder& graph, const DenseNetBlocks& blocks, int classes) {
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

}  // namespace thaw
