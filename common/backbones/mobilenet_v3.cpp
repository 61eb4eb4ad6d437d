#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/backbones/families.hpp"

namespace thaw {

/// As torchvision, whose padding it keeps.
enum class MobileNetV3 { small, large };

namespace {

constexpr BatchNorm kMobileNetV3Norm{.epsilon = 1e-3, .momentum = 0.01};
constexpr auto kRelu = Activation::relu, kHardSwish = Activation::hard_swish;

struct MobileNetV3Block {
    int kernel, expanded, channels;
    bool squeeze_excite;
    Activation activation;
    int stride;
};

const std::vector<MobileNetV3Block> kSmall = {
    {3, 16, 16, true, kRelu, 2},       {3, 72, 24, false, kRelu, 2},      {3, 88, 24, false, kRelu, 1},
    {5, 96, 40, true, kHardSwish, 2},  {5, 240, 40, true, kHardSwish, 1}, {5, 240, 40, true, kHardSwish, 1},
    {5, 120, 48, true, kHardSwish, 1}, {5, 144, 48, true, kHardSwish, 1}, {5, 288, 96, true, kHardSwish, 2},
    {5, 576, 96, true, kHardSwish, 1}, {5, 576, 96, true, kHardSwish, 1}};
const std::vector<MobileNetV3Block> kLarge = {
    {3, 16, 16, false, kRelu, 1},       {3, 64, 24, false, kRelu, 2},       {3, 72, 24, false, kRelu, 1},
    {5, 72, 40, true, kRelu, 2},        {5, 120, 40, true, kRelu, 1},       {5, 120, 40, true, kRelu, 1},
    {3, 240, 80, false, kHardSwish, 2}, {3, 200, 80, false, kHardSwish, 1}, {3, 184, 80, false, kHardSwish, 1},
    {3, 184, 80, false, kHardSwish, 1}, {3, 480, 112, true, kHardSwish, 1}, {3, 672, 112, true, kHardSwish, 1},
    {5, 672, 160, true, kHardSwish, 2}, {5, 960, 160, true, kHardSwish, 1}, {5, 960, 160, true, kHardSwish, 1}};

/// torchvision's Conv2dNormActivation: PREFIX.0 is the convolution, PREFIX.1 the batch-norm.
int conv_norm(GraphBuilder& graph, const std::string& prefix, const Conv& conv, Activation activation) {
    graph.conv(prefix + ".0", conv);
    const int norm = graph.batch_norm(prefix + ".1", kMobileNetV3Norm);
    return activation == Activation::none ? norm : graph.activation(prefix + ".2", activation);
}

/// A quarter, to the nearest multiple of 8, but never less by more than a tenth.
int squeezed(int channels) {
    const int quarter = channels / 4;
    const int rounded = std::max(8, (quarter + 4) / 8 * 8);
    return 10 * rounded < 9 * quarter ? rounded + 8 : rounded;
}

/// Weighs each channel by a number that all of the map decides.
void squeeze_excite(GraphBuilder& graph, const std::string& name) {
    const int map = graph.last(), channels = graph.channels();
    graph.adaptive_average_pool(name + ".avgpool", 1);
    graph.conv(name + ".fc1", {.channels = squeezed(channels), .bias = true});
    graph.activation(name + ".activation", Activation::relu);
    graph.conv(name + ".fc2", {.channels = channels, .bias = true});
    const int factors = graph.activation(name + ".scale_activation", Activation::hard_sigmoid);
    graph.multiply(name + ".multiply", map, factors);
}

void add_mobilenet_v3_block(GraphBuilder& graph, const std::string& name, const MobileNetV3Block& block) {
    graph.begin_block(name);
    const int input = graph.last();
    const int in_channels = graph.channels();
    int part = 0;
    const auto next = [&] { return fmt::format("{}.block.{}", name, part++); };
    if (block.expanded != in_channels) conv_norm(graph, next(), {.channels = block.expanded}, block.activation);
    conv_norm(graph, next(),
              {.channels = block.expanded,
               .kernel = block.kernel,
               .stride = block.stride,
               .groups = block.expanded,
               .padding = around(block.kernel / 2)},
              block.activation);
    if (block.squeeze_excite) squeeze_excite(graph, next());
    const int projected = conv_norm(graph, next(), {.channels = block.channels}, Activation::none);
    if (block.stride == 1 && in_channels == block.channels) graph.add(name + ".add", {input, projected});
}

}  // namespace

static void build_mobilenet_v3(GraphBuilder& graph, MobileNetV3 size, int classes) {
    const bool small = size == MobileNetV3::small;
    graph.begin_block("features.0");
    conv_norm(graph, "features.0", {.channels = 16, .kernel = 3, .stride = 2, .padding = around(1)}, kHardSwish);
    int number = 0;
    for (const MobileNetV3Block& block : small ? kSmall : kLarge)
        add_mobilenet_v3_block(graph, fmt::format("features.{}", ++number), block);
    const std::string last = fmt::format("features.{}", ++number);
    graph.begin_block(last);
    conv_norm(graph, last, {.channels = 6 * graph.channels()}, kHardSwish);
    graph.begin_top();
    graph.global_average_pool("avgpool");
    graph.dense("classifier.0", small ? 1024 : 1280);
    graph.activation("classifier.1", kHardSwish);
    graph.dropout("classifier.2");
    graph.dense("classifier.3", classes);
}

const std::vector<BackboneRow>& mobilenet_v3_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"mobilenet_v3_large", "MobileNetV3", "torchvision", 224, 1, 0.74042, 0.9134},
         [](GraphBuilder& graph, int classes) { build_mobilenet_v3(graph, MobileNetV3::large, classes); },
         {torchvision(2, "mobilenet_v3_large-5c1a4163.pth", "5c1a4163"),
          torchvision(1, "mobilenet_v3_large-8738ca79.pth", "8738ca79")}},
        {{"mobilenet_v3_small", "MobileNetV3", "torchvision", 224, 1, 0.67668, 0.87402},
         [](GraphBuilder& graph, int classes) { build_mobilenet_v3(graph, MobileNetV3::small, classes); },
         {torchvision(1, "mobilenet_v3_small-047dcff4.pth", "047dcff4")}},
    };
    return rows;
}

}  // namespace thaw
