// One builder a family of backbones. Each adds all layers after the input, the ImageNet classifier included.
#pragma once

#include <array>

#include "common/backbones/graph_builder.hpp"

namespace thaw {

/// As torchvision, whose padding it keeps in either padding style; so do the ResNets.
void build_alexnet(GraphBuilder& graph, int classes);

/// EfficientNet-Lite as the package efficientnet_lite_pytorch: stem and head keep their width whatever the factor.
struct EfficientNetLite {
    double width, depth;  // factors on channels and on repeats
};
void build_efficientnet_lite(GraphBuilder& graph, const EfficientNetLite& scale, int classes);

/// MobileNet v1 of width 1.0, layers and arithmetic as Keras.
void build_mobilenet_v1(GraphBuilder& graph, int classes);

/// MobileNetV2 of width 1.0: tensors and arithmetic as torchvision, padding layers counted as Keras.
void build_mobilenet_v2(GraphBuilder& graph, int classes);

/// ResNets as torchvision (the stride is in the 3x3 convolution), layers in Keras' order.
enum class ResNetBlock { basic, bottleneck };
struct ResNet {
    ResNetBlock block;
    std::array<int, 4> repeats;  // blocks in each of the four stages
};
void build_resnet(GraphBuilder& graph, const ResNet& net, int classes);

}  // namespace thaw
