#include <fmt/format.h>

#include "common/backbones/keras_rows.hpp"

namespace thaw {
namespace {

constexpr BatchNorm kKerasResNetNorm{.epsilon = 1.001e-5, .momentum = 0.01};

void resnet_norm_relu(GraphBuilder& graph, const std::string& norm, const std::string& relu,
                      int from = GraphBuilder::kLast) {
    graph.batch_norm(norm, kKerasResNetNorm, from);
    graph.activation(relu, Activation::relu);
}

/// Up to the first pool; v2 normalizes later.
void add_stem(GraphBuilder& graph, bool normalizes) {
    graph.follow_keras();
    graph.begin_block("conv1");
    graph.zero_pad("conv1_pad", around(3));
    graph.conv("conv1_conv", {.channels = 64, .kernel = 7, .stride = 2, .bias = true});
    if (normalizes) resnet_norm_relu(graph, "conv1_bn", "conv1_relu");
    graph.zero_pad("pool1_pad", around(1));
    graph.max_pool("pool1_pool", 3, 2);
}

void add_top(GraphBuilder& graph, int classes) {
    graph.begin_top();
    graph.global_average_pool("avg_pool");
    graph.dense("predictions", classes);
}

void add_block_v1(GraphBuilder& graph, const std::string& name, int width, int stride, bool projects) {
    graph.begin_block(name);
    const int input = graph.last();
    int shortcut = input;
    if (projects) {
        graph.conv(name + "_0_conv", {.channels = 4 * width, .stride = stride, .bias = true});
        shortcut = graph.batch_norm(name + "_0_bn", kKerasResNetNorm);
    }
    graph.conv(name + "_1_conv", {.channels = width, .stride = stride, .bias = true}, input);
    resnet_norm_relu(graph, name + "_1_bn", name + "_1_relu");
    graph.conv(name + "_2_conv", {.channels = width, .kernel = 3, .padding = graph.same(3), .bias = true});
    resnet_norm_relu(graph, name + "_2_bn", name + "_2_relu");
    graph.conv(name + "_3_conv", {.channels = 4 * width, .bias = true});
    graph.add(name + "_add", {shortcut, graph.batch_norm(name + "_3_bn", kKerasResNetNorm)});
    graph.activation(name + "_out", Activation::relu);
}

/// `pool`: the name of the pool that strides in a shortcut without convolution.
void add_block_v2(GraphBuilder& graph, const std::string& name, int width, int stride, bool projects,
                  const std::string& pool) {
    graph.begin_block(name);
    int shortcut = graph.last();
    resnet_norm_relu(graph, name + "_preact_bn", name + "_preact_relu");
    const int activated = graph.last();
    if (projects)
        shortcut = graph.conv(name + "_0_conv", {.channels = 4 * width, .stride = stride, .bias = true});
    else if (stride > 1)
        shortcut = graph.max_pool(pool, 1, stride, {}, shortcut);
    graph.conv(name + "_1_conv", {.channels = width}, activated);
    resnet_norm_relu(graph, name + "_1_bn", name + "_1_relu");
    graph.zero_pad(name + "_2_pad", around(1));
    graph.conv(name + "_2_conv", {.channels = width, .kernel = 3, .stride = stride});
    resnet_norm_relu(graph, name + "_2_bn", name + "_2_relu");
    graph.add(name + "_out", {shortcut, graph.conv(name + "_3_conv", {.channels = 4 * width, .bias = true})});
}

}  // namespace

void build_keras_resnet(GraphBuilder& graph, const ResNetStages& repeats, int classes) {
    add_stem(graph, true);
    for (int stage = 0; stage < 4; ++stage)
        for (int block = 1; block <= repeats[stage]; ++block)
            add_block_v1(graph, fmt::format("conv{}_block{}", stage + 2, block), 64 << stage,
                         stage > 0 && block == 1 ? 2 : 1, block == 1);
    add_top(graph, classes);
}

void build_resnet_v2(GraphBuilder& graph, const ResNetStages& repeats, int classes) {
    add_stem(graph, false);
    for (int stage = 0; stage < 4; ++stage)
        for (int block = 1; block <= repeats[stage]; ++block)
            add_block_v2(graph, fmt::format("conv{}_block{}", stage + 2, block), 64 << stage,
                         stage < 3 && block == repeats[stage] ? 2 : 1, block == 1,
                         stage == 0 ? "max_pooling2d" : fmt::format("max_pooling2d_{}", stage));
    graph.begin_block("post");
    resnet_norm_relu(graph, "post_bn", "post_relu");
    add_top(graph, classes);
}

}  // namespace thaw
