#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {
namespace {

constexpr BatchNorm kKerasNorm{.epsilon = 1e-3, .momentum = 0.01};

struct Block {
    int channels, stride;
};

// Blocks 1 to 13: a depthwise 3x3 and a pointwise convolution each.
constexpr Block kBlocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                             {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

void norm_relu6(GraphBuilder& graph, const std::string& norm, const std::string& relu) {
    graph.batch_norm(norm, kKerasNorm);
    graph.activation(relu, Activation::relu6);
}

void add_block(GraphBuilder& graph, const std::string& name, const Block& block) {
    graph.begin_block(name);
    Padding padding = graph.same(3, block.stride);
    if (block.stride == 2) {
        graph.zero_pad(name + ".pad", padding);
        padding = {};
    }
    const int in = graph.channels();
    graph.conv(name + ".dw", {.channels = in, .kernel = 3, .stride = block.stride, .groups = in, .padding = padding});
    norm_relu6(graph, name + ".dw_bn", name + ".dw_relu");
    graph.conv(name + ".pw", {.channels = block.channels});
    norm_relu6(graph, name + ".pw_bn", name + ".pw_relu");
}

}  // namespace

void build_mobilenet_v1(GraphBuilder& graph, int classes) {
    graph.begin_block("features.0");
    graph.conv("features.0.conv", {.channels = 32, .kernel = 3, .stride = 2, .padding = graph.same(3, 2)});
    norm_relu6(graph, "features.0.bn", "features.0.relu");
    int number = 0;
    for (const Block& block : kBlocks) add_block(graph, fmt::format("features.{}", ++number), block);
    graph.begin_top();
    graph.global_average_pool("avgpool");
    graph.dropout("dropout");
    graph.dense("classifier", classes);
}

}  // namespace thaw
