#include "common/backbones/backbones.hpp"

#include <fmt/format.h>

#include "common/backbones/families.hpp"
#include "common/error.hpp"
#include "common/nearest.hpp"

namespace thaw {
namespace {

constexpr int kLargestImageSize = 8192;  // pixels; above it, it is a slip of the pen

struct Row {
    BackboneInfo info;
    void (*build)(GraphBuilder& graph, int classes);
};

/// Sorted by name. The accuracies: torchvision's IMAGENET1K_V1, Keras' applications page, the EfficientNet-Lite page.
const std::vector<Row>& rows() {
    static const char* const kLite = "efficientnet_lite_pytorch";
    static const std::vector<Row> table = {
        {{"alexnet", "AlexNet", "torchvision", 224, 63, 0.56522}, build_alexnet},
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
        {{"mobilenet_v1", "MobileNet", "keras", 224, 1, 0.704}, build_mobilenet_v1},
        {{"mobilenet_v2", "MobileNetV2", "torchvision", 224, 1, 0.71878}, build_mobilenet_v2},
        {{"resnet18", "ResNet", "torchvision", 224, 1, 0.69758},
         [](GraphBuilder& graph, int classes) {
             build_resnet(graph, {ResNetBlock::basic, {2, 2, 2, 2}}, classes);
         }},
        {{"resnet34", "ResNet", "torchvision", 224, 1, 0.73314},
         [](GraphBuilder& graph, int classes) {
             build_resnet(graph, {ResNetBlock::basic, {3, 4, 6, 3}}, classes);
         }},
        {{"resnet50", "ResNet", "torchvision", 224, 1, 0.7613},
         [](GraphBuilder& graph, int classes) {
             build_resnet(graph, {ResNetBlock::bottleneck, {3, 4, 6, 3}}, classes);
         }},
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
