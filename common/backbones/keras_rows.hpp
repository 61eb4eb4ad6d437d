// Networks of Keras Applications: layers, names, arithmetic and counting as Keras, so that its weight files fit.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "common/backbones/backbones.hpp"
#include "common/backbones/graph_builder.hpp"

namespace thaw {

struct BackboneRow {
    BackboneInfo info;
    std::function<void(GraphBuilder& graph, int classes)> build;
};

/// Those that have plain names only Keras has; keras_NAME is arithmetically another network than torchvision's NAME.
const std::vector<BackboneRow>& keras_rows();

/// Keras' DenseNet: epsilons 1.001e-5, else as in the paper.
using DenseNetBlocks = std::array<int, 4>;
void build_keras_densenet(GraphBuilder& graph, const DenseNetBlocks& blocks, int classes);

/// EfficientNet takes pixels from 0 to 255: its first layers, whose statistics are in the weight file, normalize them.
struct EfficientNet {
    double width, depth;  // factors on channels and on repeats
};
void build_efficientnet(GraphBuilder& graph, const EfficientNet& scale, int classes);

void build_keras_inception_v3(GraphBuilder& graph, int classes);
void build_inception_resnet_v2(GraphBuilder& graph, int classes);

/// MobileNetV2 with Keras' names, and its epsilon, which is not torchvision's.
void build_keras_mobilenet_v2(GraphBuilder& graph, int classes);

/// NASNet-A (4 @ 1056).
void build_nasnet_mobile(GraphBuilder& graph, int classes);

/// ResNets of bottlenecks: v1 strides in a block's first 1x1 convolution, v2 normalizes before each convolution and
/// strides at a stage's end.
using ResNetStages = std::array<int, 4>;
void build_keras_resnet(GraphBuilder& graph, const ResNetStages& repeats, int classes);
void build_resnet_v2(GraphBuilder& graph, const ResNetStages& repeats, int classes);

void build_xception(GraphBuilder& graph, int classes);

}  // namespace thaw
