#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {

/// ResNets of bottlenecks: v1 strides in a block's first 1x1 convolution, v2 normalizes before each convolution and
/// strides at a stage's end.
using ResNetStages = std::array<int, 4>;

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

static void build_keras_resnet(GraphBuilder& graph, const ResNetStages& repeats, int classes) {
    add_stem(graph, true);
    for (int stage = 0; stage < 4; ++stage)
        for (int block = 1; block <= repeats[stage]; ++block)
            add_block_v1(graph, fmt::format("conv{}_block{}", stage + 2, block), 64 << stage,
                         stage > 0 && block == 1 ? 2 : 1, block == 1);
    add_top(graph, classes);
}

static void build_resnet_v2(GraphBuilder& graph, const ResNetStages& repeats, int classes) {
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

namespace {

constexpr ResNetStages k50{3, 4, 6, 3}, k101{3, 4, 23, 3}, k152{3, 8, 36, 3};

}  // namespace

const std::vector<BackboneRow>& keras_resnet_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"keras_resnet50", "ResNet", "keras", 224, 32, 0.749, 0.921},
         [](GraphBuilder& graph, int classes) { build_keras_resnet(graph, k50, classes); },
         keras_files("tensorflow/keras-applications/resnet", "caffe",
                     {"resnet50_weights_tf_dim_ordering_tf_kernels.h5", "2cb95161c43110f7111970584f804107"},
                     {"resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"})},
        {{"keras_resnet101", "ResNet", "keras", 224, 32, 0.764, 0.928},
         [](GraphBuilder& graph, int classes) { build_keras_resnet(graph, k101, classes); },
         keras_files("tensorflow/keras-applications/resnet", "caffe",
                     {"resnet101_weights_tf_dim_ordering_tf_kernels.h5", "f1aeb4b969a6efcfb50fad2f0c20cfc5"},
                     {"resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5", "88cf7a10940856eca736dc7b7e228a21"})},
        {{"keras_resnet152", "ResNet", "keras", 224, 32, 0.766, 0.931},
         [](GraphBuilder& graph, int classes) { build_keras_resnet(graph, k152, classes); },
         keras_files("tensorflow/keras-applications/resnet", "caffe",
                     {"resnet152_weights_tf_dim_ordering_tf_kernels.h5", "100835be76be38e30d865e96f2aaae62"},
                     {"resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5", "ee4c566cf9a93f14d82f913c2dc6dd0c"})},
        {{"resnet50v2", "ResNetV2", "keras", 224, 32, 0.760, 0.930},
         [](GraphBuilder& graph, int classes) { build_resnet_v2(graph, k50, classes); },
         keras_files("tensorflow/keras-applications/resnet", "tf",
                     {"resnet50v2_weights_tf_dim_ordering_tf_kernels.h5", "3ef43a0b657b3be2300d5770ece849e0"},
                     {"resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "fac2f116257151a9d068a22e544a4917"})},
        {{"resnet101v2", "ResNetV2", "keras", 224, 32, 0.772, 0.938},
         [](GraphBuilder& graph, int classes) { build_resnet_v2(graph, k101, classes); },
         keras_files("tensorflow/keras-applications/resnet", "tf",
                     {"resnet101v2_weights_tf_dim_ordering_tf_kernels.h5", "6343647c601c52e1368623803854d971"},
                     {"resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "c0ed64b8031c3730f411d2eb4eea35b5"})},
        {{"resnet152v2", "ResNetV2", "keras", 224, 32, 0.780, 0.942},
         [](GraphBuilder& graph, int classes) { build_resnet_v2(graph, k152, classes); },
         keras_files("tensorflow/keras-applications/resnet", "tf",
                     {"resnet152v2_weights_tf_dim_ordering_tf_kernels.h5", "a49b44d1979771252814e80f8ec446f9"},
                     {"resnet152v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "ed17cf2e0169df9d443503ef94b23b33"})},
    };
    return rows;
}

}  // namespace thaw
