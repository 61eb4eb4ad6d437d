#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {

/// DenseNets as torchvision; layers, paddings among them, as Keras.
struct DenseNet {
    std::array<int, 4> repeats;  // dense layers in each of the four blocks
};

namespace {

constexpr int kDenseNetGrowth = 32;  // channels that each dense layer adds

/// `number`: torchvision's norm1, relu1, conv1; empty for a transition.
void norm_relu_conv(GraphBuilder& graph, const std::string& name, const std::string& number, const Conv& conv) {
    graph.batch_norm(name + ".norm" + number, {});
    graph.activation(name + ".relu" + number, Activation::relu);
    graph.conv(name + ".conv" + number, conv);
}

void dense_layer(GraphBuilder& graph, const std::string& name) {
    const int input = graph.last();
    norm_relu_conv(graph, name, "1", {.channels = 4 * kDenseNetGrowth});
    norm_relu_conv(graph, name, "2", {.channels = kDenseNetGrowth, .kernel = 3, .padding = around(1)});
    graph.concat(name + ".concat", {input, graph.last()});
}

void transition(GraphBuilder& graph, const std::string& name) {
    norm_relu_conv(graph, name, "", {.channels = graph.channels() / 2});
    graph.average_pool(name + ".pool", 2, 2);
}

}  // namespace

static void build_densenet(GraphBuilder& graph, const DenseNet& net, int classes) {
    graph.begin_block("stem");
    graph.zero_pad("features.conv0.pad", around(3));
    graph.conv("features.conv0", {.channels = 64, .kernel = 7, .stride = 2});
    graph.batch_norm("features.norm0", {});
    graph.activation("features.relu0", Activation::relu);
    graph.zero_pad("features.pool0.pad", around(1));  // as good as -infinity after ReLU
    graph.max_pool("features.pool0", 3, 2);
    for (std::size_t block = 1; block <= net.repeats.size(); ++block) {
        graph.begin_block(fmt::format("denseblock{}", block));
        for (int i = 1; i <= net.repeats[block - 1]; ++i)
            dense_layer(graph, fmt::format("features.denseblock{}.denselayer{}", block, i));
        if (block == net.repeats.size()) break;
        graph.begin_block(fmt::format("transition{}", block));
        transition(graph, fmt::format("features.transition{}", block));
    }
    graph.begin_block("last");
    graph.batch_norm("features.norm5", {});
    graph.activation("features.relu5", Activation::relu);
    graph.begin_top();
    graph.global_average_pool("avgpool");
    graph.dense("classifier", classes);
}

const std::vector<BackboneRow>& densenet_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"densenet121", "DenseNet", "torchvision", 224, 29, 0.74434, 0.91972},
         [](GraphBuilder& graph, int classes) {
             build_densenet(graph, {{6, 12, 24, 16}}, classes);
         },
         {torchvision(1, "densenet121-a639ec97.pth", "a639ec97")}},
    };
    return rows;
}

}  // namespace thaw
