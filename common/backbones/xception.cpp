#include <fmt/format.h>

#include "common/backbones/families.hpp"
#include "common/backbones/keras_names.hpp"

namespace thaw {
namespace {

/// A SeparableConv2D, "NAME", and its batch-norm.
void separable(GraphBuilder& graph, const std::string& name, int channels, int from = GraphBuilder::kLast) {
    const int in = graph.channels(from);
    graph.conv(name + ".depthwise", {.channels = in, .kernel = 3, .groups = in, .padding = graph.same(3, 1, from)},
               from);
    graph.conv(name + ".pointwise", {.channels = channels});
    graph.batch_norm(name + "_bn", kKerasNorm);
}

/// Halves the picture; block 2 follows a ReLU already.
void add_entry(GraphBuilder& graph, KerasNames& names, const std::string& block, int first, int second,
               bool activates) {
    graph.begin_block(block);
    const int input = graph.last();
    graph.conv(names("conv2d"), {.channels = second, .stride = 2, .padding = graph.same(1, 2)});
    const int residual = graph.batch_norm(names("batch_normalization"), kKerasNorm);
    const int body = activates ? graph.activation(block + "_sepconv1_act", Activation::relu, input) : input;
    separable(graph, block + "_sepconv1", first, body);
    graph.activation(block + "_sepconv2_act", Activation::relu);
    separable(graph, block + "_sepconv2", second);
    graph.add(names("add"), {graph.max_pool(block + "_pool", 3, 2, graph.same(3, 2)), residual});
}

void add_middle(GraphBuilder& graph, KerasNames& names, const std::string& block) {
    graph.begin_block(block);
    const int input = graph.last();
    for (int i = 1; i <= 3; ++i) {
        const std::string name = fmt::format("{}_sepconv{}", block, i);
        graph.activation(name + "_act", Activation::relu);
        separable(graph, name, 728);
    }
    graph.add(names("add"), {graph.last(), input});
}

}  // namespace

static void build_xception(GraphBuilder& graph, int classes) {
    KerasNames names;
    graph.follow_keras();
    graph.begin_block("block1");
    graph.conv("block1_conv1", {.channels = 32, .kernel = 3, .stride = 2});
    graph.batch_norm("block1_conv1_bn", kKerasNorm);
    graph.activation("block1_conv1_act", Activation::relu);
    graph.conv("block1_conv2", {.channels = 64, .kernel = 3});
    graph.batch_norm("block1_conv2_bn", kKerasNorm);
    graph.activation("block1_conv2_act", Activation::relu);
    add_entry(graph, names, "block2", 128, 128, false);
    add_entry(graph, names, "block3", 256, 256, true);
    add_entry(graph, names, "block4", 728, 728, true);
    for (int number = 5; number <= 12; ++number) add_middle(graph, names, fmt::format("block{}", number));
    add_entry(graph, names, "block13", 728, 1024, true);
    graph.begin_block("block14");
    for (const auto& [name, channels] : {std::pair{"block14_sepconv1", 1536}, {"block14_sepconv2", 2048}}) {
        separable(graph, name, channels);
        graph.activation(std::string(name) + "_act", Activation::relu);
    }
    graph.begin_top();
    graph.global_average_pool("avg_pool");
    graph.dense("predictions", classes);
}

const std::vector<BackboneRow>& xception_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"xception", "Xception", "keras", 299, 71, 0.790, 0.945},
         build_xception,
         keras_files("tensorflow/keras-applications/xception", "tf",
                     {"xception_weights_tf_dim_ordering_tf_kernels.h5", "0a58e3b7378bc2990ea3b43d5981f1f6"},
                     {"xception_weights_tf_dim_ordering_tf_kernels_notop.h5", "b0042744bf5b25fce3cb969f33bebb97"})},
    };
    return rows;
}

}  // namespace thaw
