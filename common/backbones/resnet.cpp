#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {
namespace {

/// The shortcut and the last convolution of a block: where the shape changes both are convolutions, and Keras lists
/// them layer by layer side by side. Returns the layers to add.
std::vector<int> join_shortcut(GraphBuilder& graph, const std::string& name, int input, const Conv& shortcut,
                               const std::string& number, const Conv& conv) {
    const int body = graph.last();
    const int projected = graph.conv(name + ".downsample.0", shortcut, input);
    const int last = graph.conv(name + ".conv" + number, conv, body);
    const int shortcut_norm = graph.batch_norm(name + ".downsample.1", {}, projected);
    return {shortcut_norm, graph.batch_norm(name + ".bn" + number, {}, last)};
}

void conv_norm_relu(GraphBuilder& graph, const std::string& name, const std::string& number, const Conv& conv) {
    graph.conv(name + ".conv" + number, conv);
    graph.batch_norm(name + ".bn" + number, {});
    graph.activation(name + ".relu" + number, Activation::relu);
}

void add_resnet_block(GraphBuilder& graph, const std::string& name, ResNetBlock kind, int width, int stride) {
    graph.begin_block(name);
    const int input = graph.last();
    const int in_channels = graph.channels();
    const bool basic = kind == ResNetBlock::basic;
    const int channels = basic ? width : 4 * width;
    const Conv strided{.channels = width, .kernel = 3, .stride = stride, .padding = around(1)};
    if (basic) {
        conv_norm_relu(graph, name, "1", strided);
    } else {
        conv_norm_relu(graph, name, "1", {.channels = width});
        conv_norm_relu(graph, name, "2", strided);
    }
    const std::string number = basic ? "2" : "3";
    const Conv last =
        basic ? Conv{.channels = channels, .kernel = 3, .padding = around(1)} : Conv{.channels = channels};
    std::vector<int> sum;
    if (stride != 1 || in_channels != channels) {
        sum = join_shortcut(graph, name, input, {.channels = channels, .stride = stride}, number, last);
    } else {
        graph.conv(name + ".conv" + number, last);
        sum = {input, graph.batch_norm(name + ".bn" + number, {})};
    }
    graph.add(name + ".add", sum);
    graph.activation(name + ".out", Activation::relu);
}

}  // namespace

void build_resnet(GraphBuilder& graph, const ResNet& net, int classes) {
    graph.begin_block("stem");
    graph.zero_pad("conv1.pad", around(3));
    graph.conv("conv1", {.channels = 64, .kernel = 7, .stride = 2});
    graph.batch_norm("bn1", {});
    graph.activation("relu", Activation::relu);
    graph.zero_pad("maxpool.pad", around(1));  // as good as torchvision's -infinity: nothing is below 0 after ReLU
    graph.max_pool("maxpool", 3, 2);
    int width = 64;
    for (std::size_t stage = 0; stage < net.repeats.size(); ++stage, width *= 2)
        for (int i = 0; i < net.repeats[stage]; ++i)
            add_resnet_block(graph, fmt::format("layer{}.{}", stage + 1, i), net.block, width,
                             stage > 0 && i == 0 ? 2 : 1);
    graph.begin_top();
    graph.global_average_pool("avgpool");
    graph.dense("fc", classes);
}

}  // namespace thaw
