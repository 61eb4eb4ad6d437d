#include "common/backbones/backbones.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/backbones/families.hpp"
#include "common/backbones/keras_rows.hpp"
#include "common/util/error.hpp"
#include "common/util/nearest.hpp"

namespace thaw {
namespace {

constexpr int kLargestImageSize = 8192;  // pixels; above it, it is a slip of the pen

auto resnet(ResNetBlock block, std::array<int, 4> repeats) {
    return [=](GraphBuilder& graph, int classes) { build_resnet(graph, {block, repeats}, classes); };
}
auto vgg(std::array<int, 5> convolutions, bool batch_norm) {
    return [=](GraphBuilder& graph, int classes) { build_vgg(graph, {convolutions, batch_norm}, classes); };
}

/// The accuracies: torchvision's IMAGENET1K_V1, Keras' applications page, the EfficientNet-Lite page.
const std::vector<BackboneRow>& rows_beside_keras() {
    static const char* const kLite = "efficientnet_lite_pytorch";
    static const std::vector<BackboneRow> table = {
        {{"alexnet", "AlexNet", "torchvision", 224, 63, 0.56522, 0.79066}, build_alexnet},
        {{"densenet121", "DenseNet", "torchvision", 224, 29, 0.74434, 0.91972},
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
        {{"inception_v3", "Inception", "torchvision", 299, 75, 0.77294, 0.9345}, build_inception_v3},
        {{"mobilenet_v1", "MobileNet", "keras", 224, 32, 0.704, 0.895}, build_mobilenet_v1},
        {{"mobilenet_v2", "MobileNetV2", "torchvision", 224, 1, 0.71878, 0.90286}, build_mobilenet_v2},
        {{"mobilenet_v3_large", "MobileNetV3", "torchvision", 224, 1, 0.74042, 0.9134},
         [](GraphBuilder& graph, int classes) { build_mobilenet_v3(graph, MobileNetV3::large, classes); }},
        {{"mobilenet_v3_small", "MobileNetV3", "torchvision", 224, 1, 0.67668, 0.87402},
         [](GraphBuilder& graph, int classes) { build_mobilenet_v3(graph, MobileNetV3::small, classes); }},
        {{"resnet101", "ResNet", "torchvision", 224, 1, 0.77374, 0.93546},
         resnet(ResNetBlock::bottleneck, {3, 4, 23, 3})},
        {{"resnet152", "ResNet", "torchvision", 224, 1, 0.78312, 0.94046},
         resnet(ResNetBlock::bottleneck, {3, 8, 36, 3})},
        {{"resnet18", "ResNet", "torchvision", 224, 1, 0.69758, 0.89078}, resnet(ResNetBlock::basic, {2, 2, 2, 2})},
        {{"resnet34", "ResNet", "torchvision", 224, 1, 0.73314, 0.9142}, resnet(ResNetBlock::basic, {3, 4, 6, 3})},
        {{"resnet50", "ResNet", "torchvision", 224, 1, 0.7613, 0.92862}, resnet(ResNetBlock::bottleneck, {3, 4, 6, 3})},
        {{"squeezenet1_0", "SqueezeNet", "torchvision", 224, 21, 0.58092, 0.8042},
         [](GraphBuilder& graph, int classes) {
             build_squeezenet(graph, {96, 7, {3, 7}}, classes);
         }},
        {{"squeezenet1_1", "SqueezeNet", "torchvision", 224, 17, 0.58178, 0.80624},
         [](GraphBuilder& graph, int classes) {
             build_squeezenet(graph, {64, 3, {2, 4}}, classes);
         }},
        {{"vgg11", "VGG", "torchvision", 224, 32, 0.6902, 0.88628}, vgg({1, 1, 2, 2, 2}, false)},
        {{"vgg11_bn", "VGG", "torchvision", 224, 32, 0.7037, 0.8981}, vgg({1, 1, 2, 2, 2}, true)},
        {{"vgg13", "VGG", "torchvision", 224, 32, 0.69928, 0.89246}, vgg({2, 2, 2, 2, 2}, false)},
        {{"vgg13_bn", "VGG", "torchvision", 224, 32, 0.71586, 0.90374}, vgg({2, 2, 2, 2, 2}, true)},
        {{"vgg16", "VGG", "torchvision", 224, 32, 0.71592, 0.90382}, vgg({2, 2, 3, 3, 3}, false)},
        {{"vgg16_bn", "VGG", "torchvision", 224, 32, 0.7336, 0.91516}, vgg({2, 2, 3, 3, 3}, true)},
        {{"vgg19", "VGG", "torchvision", 224, 32, 0.72376, 0.90876}, vgg({2, 2, 4, 4, 4}, false)},
        {{"vgg19_bn", "VGG", "torchvision", 224, 32, 0.74218, 0.91842}, vgg({2, 2, 4, 4, 4}, true)},
    };
    return table;
}

/// All, sorted by name.
const std::vector<BackboneRow>& rows() {
    static const std::vector<BackboneRow> table = [] {
        std::vector<BackboneRow> all = rows_beside_keras();
        all.insert(all.end(), keras_rows().begin(), keras_rows().end());
        std::sort(all.begin(), all.end(),
                  [](const BackboneRow& a, const BackboneRow& b) { return a.info.name < b.info.name; });
        return all;
    }();
    return table;
}

const BackboneRow& find_row(const std::string& name) {
    std::vector<std::string> names;
    for (const BackboneRow& row : rows()) {
        if (row.info.name == name) return row;
        names.push_back(row.info.name);
    }
    throw UserError("unknown backbone '{}'{}", name, instead_of(name, names, "thaw backbones"));
}

}  // namespace

const std::vector<BackboneInfo>& backbones() {
    static const std::vector<BackboneInfo> infos = [] {
        std::vector<BackboneInfo> all;
        for (const BackboneRow& row : rows()) all.push_back(row.info);
        return all;
    }();
    return infos;
}

const BackboneInfo& find_backbone(const std::string& name) {
    return find_row(name).info;
}

LayerGraph build_backbone(const std::string& name, int image_size, PaddingStyle padding, int classes) {
    const BackboneRow& row = find_row(name);
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

LayerGraph graph_of_trial(const Trial& trial, PaddingStyle padding) {
    return cut_off(build_backbone(trial.backbone, trial.image_size, padding), trial.base_layers);
}

}  // namespace thaw
