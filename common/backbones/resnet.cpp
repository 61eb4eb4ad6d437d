#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {

/// ResNets as torchvision (the stride is in the 3x3 convolution), layers in Keras' order.
enum class ResNetBlock { basic, bottleneck };
struct ResNet {
    ResNetBlock block;
    std::array<int, 4> repeats;  // blocks in each of the four stages
};

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

static void build_resnet(GraphBuilder& graph, const ResNet& net, int classes) {
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

namespace {

auto resnet(ResNetBlock block, std::array<int, 4> repeats) {
    return [=](GraphBuilder& graph, int classes) { build_resnet(graph, {block, repeats}, classes); };
}

}  // namespace

const std::vector<BackboneRow>& resnet_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"resnet18", "ResNet", "torchvision", 224, 1, 0.69758, 0.89078},
         resnet(ResNetBlock::basic, {2, 2, 2, 2}),
         {torchvision(1, "resnet18-f37072fd.pth", "f37072fd")}},
        {{"resnet34", "ResNet", "torchvision", 224, 1, 0.73314, 0.9142},
         resnet(ResNetBlock::basic, {3, 4, 6, 3}),
         {torchvision(1, "resnet34-b627a593.pth", "b627a593")}},
        {{"resnet50", "ResNet", "torchvision", 224, 1, 0.7613, 0.92862},
         resnet(ResNetBlock::bottleneck, {3, 4, 6, 3}),
         {torchvision(2, "resnet50-11ad3fa6.pth", "11ad3fa6"), torchvision(1, "resnet50-0676ba61.pth", "0676ba61")}},
        {{"resnet101", "ResNet", "torchvision", 224, 1, 0.77374, 0.93546},
         resnet(ResNetBlock::bottleneck, {3, 4, 23, 3}),
         {torchvision(2, "resnet101-cd907fc2.pth", "cd907fc2"), torchvision(1, "resnet101-63fe2227.pth", "63fe2227")}},
        {{"resnet152", "ResNet", "torchvision", 224, 1, 0.78312, 0.94046},
         resnet(ResNetBlock::bottleneck, {3, 8, 36, 3}),
         {torchvision(2, "resnet152-f82ba261.pth", "f82ba261"), torchvision(1, "resnet152-394f9c45.pth", "394f9c45")}},
    };
    return rows;
}

}  // namespace thaw
