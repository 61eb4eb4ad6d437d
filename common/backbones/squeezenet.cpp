#include <fmt/format.h>

#include <array>

#include "common/backbones/families.hpp"

namespace thaw {

/// As torchvision.
struct SqueezeNet {
    int channels, kernel;  // of the first convolution
    int pools_before[2];   // numbers, from 0, of the fire modules behind the second and the third pooling
};

namespace {

/// `keras`: the block and the layer in the port to Keras that is in use, "fire2" and "squeeze1x1".
void conv_relu(GraphBuilder& graph, const std::string& name, const std::array<std::string, 2>& keras, const Conv& conv,
               int from = GraphBuilder::kLast) {
    graph.conv(name, conv, from);
    graph.in_keras(fmt::format("{}/{}", keras[0], keras[1]));
    graph.activation(name + "_activation", Activation::relu);
    graph.in_keras(fmt::format("{}/relu_{}", keras[0], keras[1]));
}

/// Squeezes to few channels, then expands by 1x1 and by 3x3 convolutions side by side, `expanded` channels each.
void fire(GraphBuilder& graph, const std::string& name, const std::string& keras, int squeezed, int expanded) {
    conv_relu(graph, name + ".squeeze", {keras, "squeeze1x1"}, {.channels = squeezed, .bias = true});
    const int input = graph.last();
    conv_relu(graph, name + ".expand1x1", {keras, "expand1x1"}, {.channels = expanded, .bias = true}, input);
    const int pointwise = graph.last();
    conv_relu(graph, name + ".expand3x3", {keras, "expand3x3"},
              {.channels = expanded, .kernel = 3, .padding = around(1), .bias = true}, input);
    graph.concat(name + ".concat", {pointwise, graph.last()});
}

}  // namespace

static void build_squeezenet(GraphBuilder& graph, const SqueezeNet& net, int classes) {
    constexpr int kSqueezed[] = {16, 16, 32, 32, 48, 48, 64, 64};
    int part = 0;
    const auto begin = [&] {
        const std::string name = fmt::format("features.{}", part++);
        graph.begin_block(name);
        return name;
    };
    const auto pool = [&] {  // torchvision's ceil_mode: no pixel is left out
        graph.max_pool(begin(), 3, 2, graph.up_to_the_edge(3, 2));
    };
    graph.conv(begin(), {.channels = net.channels, .kernel = net.kernel, .stride = 2, .bias = true});
    graph.in_keras("conv1");
    graph.activation(begin(), Activation::relu);
    graph.in_keras("relu_conv1");
    pool();
    for (int number = 0; number < static_cast<int>(std::size(kSqueezed)); ++number) {
        if (number == net.pools_before[0] || number == net.pools_before[1]) pool();
        fire(graph, begin(), fmt::format("fire{}", number + 2), kSqueezed[number], 4 * kSqueezed[number]);
    }
    graph.begin_top();
    graph.dropout("classifier.0");
    graph.conv("classifier.1", {.channels = classes, .bias = true});
    graph.in_keras("conv10");
    graph.activation("classifier.2", Activation::relu);
    graph.global_average_pool("classifier.3");
}

const std::vector<BackboneRow>& squeezenet_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"squeezenet1_0", "SqueezeNet", "torchvision", 224, 21, 0.58092, 0.8042},
         [](GraphBuilder& graph, int classes) {
             build_squeezenet(graph, {96, 7, {3, 7}}, classes);
         },
         {torchvision(1, "squeezenet1_0-b66bff10.pth", "b66bff10")}},
        {{"squeezenet1_1", "SqueezeNet", "torchvision", 224, 17, 0.58178, 0.80624},
         [](GraphBuilder& graph, int classes) {
             build_squeezenet(graph, {64, 3, {2, 4}}, classes);
         },
         {torchvision(1, "squeezenet1_1-b8a52dc0.pth", "b8a52dc0")}},
    };
    return rows;
}

}  // namespace thaw
