// One builder a family of backbones. Each adds all layers after the input, the ImageNet classifier included.
#pragma once

#include <array>

#include "common/backbones/graph_builder.hpp"

namespace thaw {

/// As torchvision, whose padding it keeps in either padding style; so do the ResNets.
void build_alexnet(GraphBuilder& graph, int classes);

/// DenseNets as torchvision; layers, paddings among them, as Keras.
struct DenseNet {
    std::array<int, 4> repeats;  // dense layers in each of the four blocks
};
void build_densenet(GraphBuilder& graph, const DenseNet& net, int classes);

/// EfficientNet-Lite as the package efficientnet_lite_pytorch: stem and head keep their width whatever the factor.
struct EfficientNetLite {
    double width, depth;  // factors on channels and on repeats
};
void build_efficientnet_lite(GraphBuilder& graph, const EfficientNetLite& scale, int classes);

/// As torchvision without transform_input, which is the weights' preprocessing, and without the auxiliary classifier.
void build_inception_v3(GraphBuilder& graph, int classes);

/// MobileNet v1 of width 1.0, layers and arithmetic as Keras.
void build_mobilenet_v1(GraphBuilder& graph, int classes);

/// MobileNetV2 of width 1.0: tensors and arithmetic as torchvision, padding layers counted as Keras.
void build_mobilenet_v2(GraphBuilder& graph, int classes);

/// As torchvision, whose padding it keeps.
enum class MobileNetV3 { small, large };
void build_mobilenet_v3(GraphBuilder& graph, MobileNetV3 size, int classes);

/// ResNets as torchvision (the stride is in the 3x3 convolution), layers in Keras' order.
enum class ResNetBlock { basic, bottleneck };
struct ResNet {
    ResNetBlock block;
    std::array<int, 4> repeats;  // blocks in each of the four stages
};
void build_resnet(GraphBuilder& graph, const ResNet& net, int classes);

/// As torchvision.
struct SqueezeNet {
    int channels, kernel;  // of the first convolution
    int pools_before[2];   // numbers, from 0, of the fire modules behind the second and the third pooling
};
void build_squeezenet(GraphBuilder& graph, const SqueezeNet& net, int classes);

/// As torchvision; its blocks are called as Keras calls them.
struct Vgg {
    std::array<int, 5> convolutions;  // in each of the five blocks
    bool batch_norm;
};
void build_vgg(GraphBuilder& graph, const Vgg& net, int classes);

}  // namespace thaw
