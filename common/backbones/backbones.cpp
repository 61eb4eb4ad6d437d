#include "common/backbones/backbones.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>

#include "common/backbones/families.hpp"
#include "common/error.hpp"
#include "common/nearest.hpp"

namespace thaw {
namespace {

constexpr int kLargestImageSize = 8192;  // pixels; above it, it is a slip of the pen

struct Row {
    BackboneInfo info;
    std::function<void(GraphBuilder& graph, int classes)> build;
};

auto resnet(ResNetBlock block, std::array<int, 4> repeats) {
    return [=](GraphBuilder& graph, int classes) { build_resnet(graph, {block, repeats}, classes); };
}
auto vgg(std::array<int, 5> convolutions, bool batch_norm) {
    return [=](GraphBuilder& graph, int classes) { build_vgg(graph, {convolutions, batch_norm}, classes); };
}

/// Sorted by name. The accuracies: torchvision's IMAGENET1K_V1, Keras' applications page, the EfficientNet-Lite page.
const std::vector<Row>& rows() {
    static const char* const kLite = "efficientnet_lite_pytorch";
    static const std::vector<Row> table = {
        {{"alexnet", "AlexNet", "torchvision", 224, 63, 0.56522}, build_alexnet},
        {{"densenet121", "DenseNet", "torchvision", 224, 29, 0.74434},
         [](GraphBuilder& graph, int classes) {
             build_densenet(graph, {{6, 12, 24, 16}}, classes);
         }},
        {{"efficientnet_lite0", "EfficientNet-Lite", kLite, 224, 1, 0.751},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet_lite(graph, {1.0, 1.0}, classes);
         }},
        {{"efficientnet_lite1", "EfficientNet-Lite", kLite, 240, 1, 0.767},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet_lite(graph, {1.0, 1.1}, classes);
         }},
        {{"efficientnet_lite2", "EfficientNet-Lite", kLite, 260, 1, 0.776},
         [](GraphBuilder& graph, int classes) {
             build_efficientnet_lite(graph, {1.1, 1.2}, classes);
         }},
        {{"inception_v3", "Inception", "torchvision", 299, 75, 0.77294}, build_inception_v3},
        {{"mobilenet_v1", "MobileNet", "keras", 224, 1, 0.704}, build_mobilenet_v1},
        {{"mobilenet_v2", "MobileNetV2", "torchvision", 224, 1, 0.71878}, build_mobilenet_v2},
        {{"resnet101", "ResNet", "torchvision", 224, 1, 0.77374}, resnet(ResNetBlock::bottleneck, {3, 4, 23, 3})},
        {{"resnet152", "ResNet", "torchvision", 224, 1, 0.78312}, resnet(ResNetBlock::bottleneck, {3, 8, 36, 3})},
        {{"resnet18", "ResNet", "torchvision", 224, 1, 0.69758}, resnet(ResNetBlock::basic, {2, 2, 2, 2})},
        {{"resnet34", "ResNet", "torchvision", 224, 1, 0.73314}, resnet(ResNetBlock::basic, {3, 4, 6, 3})},
        {{"resnet50", "ResNet", "torchvision", 224, 1, 0.7613}, resnet(ResNetBlock::bottleneck, {3, 4, 6, 3})},
        {{"squeezenet1_0", "SqueezeNet", "torchvision", 224, 21, 0.58092},
         [](GraphBuilder& graph, int classes) {
             build_squeezenet(graph, {96, 7, {3, 7}}, classes);
         }},
        {{"squeezenet1_1", "SqueezeNet", "torchvision", 224, 17, 0.58178},
         [](GraphBuilder& graph, int classes) {
             build_squeezenet(graph, {64, 3, {2, 4}}, classes);
         }},
        {{"vgg11", "VGG", "torchvision", 224, 32, 0.6902}, vgg({1, 1, 2, 2, 2}, false)},
        {{"vgg11_bn", "VGG", "torchvision", 224, 32, 0.7037}, vgg({1, 1, 2, 2, 2}, true)},
        {{"vgg13", "VGG", "torchvision", 224, 32, 0.69928}, vgg({2, 2, 2, 2, 2}, false)},
        {{"vgg13_bn", "VGG", "torchvision", 224, 32, 0.71586}, vgg({2, 2, 2, 2, 2}, true)},
        {{"vgg16", "VGG", "torchvision", 224, 32, 0.71592}, vgg({2, 2, 3, 3, 3}, false)},
        {{"vgg16_bn", "VGG", "torchvision", 224, 32, 0.7336}, vgg({2, 2, 3, 3, 3}, true)},
        {{"vgg19", "VGG", "torchvision", 224, 32, 0.72376}, vgg({2, 2, 4, 4, 4}, false)},
        {{"vgg19_bn", "VGG", "torchvision", 224, 32, 0.74218}, vgg({2, 2, 4, 4, 4}, true)},
    };
    return table;
}

const Row& find_row(const std::string& name) {
    std::vector<std::string> names;
    for (const Row& row : rows()) {
        if (row.info.name == name) return row;
        names.push_back(row.info.name);
    }
    throw UserError("unknown backbone '{}'{}; there are: {}", name, did_you_mean(name, names), fmt::join(names, ", "));
}

}  // namespace

const std::vector<BackboneInfo>& backbones() {
    static const std::vector<BackboneInfo> infos = [] {
        std::vector<BackboneInfo> all;
        for (const Row& row : rows()) all.push_back(row.info);
        return all;
    }();
    return infos;
}

const BackboneInfo& find_backbone(const std::string& name) {
    return find_row(name).info;
}

LayerGraph build_backbone(const std::string& name, int image_size, PaddingStyle padding, int classes) {
    const Row& row = find_row(name);
    if (image_size < row.info.smallest_image_size || image_size > kLargestImageSize)
        throw UserError(
            "{} cannot take images of {} pixels; its images are from {} to {} pixels a side (its weights "
            "were trained at {})",
            name, image_size, row.info.smallest_image_size, kLargestImageSize, row.info.default_image_size);
    THAW_CHECK(classes >= 1, "{} classes", classes);
    GraphBuilder graph(name, image_size, padding);
    row.build(graph, classes);
    return graph.finish();
}

}  // namespace thaw
