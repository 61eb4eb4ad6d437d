// The families of backbones, a file each: builders, and rows of what they build with the weights published of it. A
// builder adds all layers after the input, the ImageNet classifier included.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "common/backbones/backbones.hpp"
#include "common/backbones/graph_builder.hpp"

namespace thaw {

/// The accuracies: torchvision's IMAGENET1K_V1, Keras' applications page, the EfficientNet-Lite page.
struct BackboneRow {
    BackboneInfo info;
    std::function<void(GraphBuilder& graph, int classes)> build;
    std::vector<PublishedWeights> weights;  // of one publisher in the order in which they are looked for
};

/// Where torchvision and Keras do other arithmetic under one name, Keras' network is keras_NAME.
const std::vector<BackboneRow>& alexnet_rows();
const std::vector<BackboneRow>& densenet_rows();
const std::vector<BackboneRow>& efficientnet_rows();
const std::vector<BackboneRow>& efficientnet_lite_rows();
const std::vector<BackboneRow>& inception_v3_rows();
const std::vector<BackboneRow>& keras_densenet_rows();
const std::vector<BackboneRow>& keras_inception_rows();
const std::vector<BackboneRow>& keras_mobilenet_v2_rows();
const std::vector<BackboneRow>& keras_resnet_rows();
const std::vector<BackboneRow>& mobilenet_v1_rows();
const std::vector<BackboneRow>& mobilenet_v2_rows();
const std::vector<BackboneRow>& mobilenet_v3_rows();
const std::vector<BackboneRow>& nasnet_rows();
const std::vector<BackboneRow>& resnet_rows();
const std::vector<BackboneRow>& squeezenet_rows();
const std::vector<BackboneRow>& vgg_rows();
const std::vector<BackboneRow>& xception_rows();

/// Those of others and Keras' own files.
std::vector<PublishedWeights> with_keras(std::vector<PublishedWeights> others,
                                         const std::vector<PublishedWeights>& keras);

}  // namespace thaw
