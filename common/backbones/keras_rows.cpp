#include "common/backbones/keras_rows.hpp"

namespace thaw {
namespace {

constexpr ResNetStages k50{3, 4, 6, 3}, k101{3, 4, 23, 3}, k152{3, 8, 36, 3};

using G = GraphBuilder;

}  // namespace

/// The accuracies are those of Keras' applications page.
const std::vector<BackboneRow>& keras_rows() {
    static const char* const kKeras = "keras";
    static const std::vector<BackboneRow> table = {
        {{"efficientnet_b0", "EfficientNet", kKeras, 224, 32, 0.771, 0.933},
         [](G& graph, int classes) {
             build_efficientnet(graph, {1.0, 1.0}, classes);
         }},
        {{"efficientnet_b1", "EfficientNet", kKeras, 240, 32, 0.791, 0.944},
         [](G& graph, int classes) {
             build_efficientnet(graph, {1.0, 1.1}, classes);
         }},
        {{"efficientnet_b2", "EfficientNet", kKeras, 260, 32, 0.801, 0.949},
         [](G& graph, int classes) {
             build_efficientnet(graph, {1.1, 1.2}, classes);
         }},
        {{"efficientnet_b3", "EfficientNet", kKeras, 300, 32, 0.816, 0.957},
         [](G& graph, int classes) {
             build_efficientnet(graph, {1.2, 1.4}, classes);
         }},
        {{"inception_resnet_v2", "InceptionResNetV2", kKeras, 299, 75, 0.803, 0.953}, build_inception_resnet_v2},
        {{"keras_densenet121", "DenseNet", kKeras, 224, 32, 0.750, 0.923},
         [](G& graph, int classes) {
             build_keras_densenet(graph, {6, 12, 24, 16}, classes);
         }},
        {{"keras_densenet169", "DenseNet", kKeras, 224, 32, 0.762, 0.932},
         [](G& graph, int classes) {
             build_keras_densenet(graph, {6, 12, 32, 32}, classes);
         }},
        {{"keras_densenet201", "DenseNet", kKeras, 224, 32, 0.773, 0.936},
         [](G& graph, int classes) {
             build_keras_densenet(graph, {6, 12, 48, 32}, classes);
         }},
        {{"keras_inception_v3", "InceptionV3", kKeras, 299, 75, 0.779, 0.937}, build_keras_inception_v3},
        {{"keras_mobilenet_v2", "MobileNetV2", kKeras, 224, 32, 0.713, 0.901}, build_keras_mobilenet_v2},
        {{"keras_resnet101", "ResNet", kKeras, 224, 32, 0.764, 0.928},
         [](G& graph, int classes) { build_keras_resnet(graph, k101, classes); }},
        {{"keras_resnet152", "ResNet", kKeras, 224, 32, 0.766, 0.931},
         [](G& graph, int classes) { build_keras_resnet(graph, k152, classes); }},
        {{"keras_resnet50", "ResNet", kKeras, 224, 32, 0.749, 0.921},
         [](G& graph, int classes) { build_keras_resnet(graph, k50, classes); }},
        {{"nasnet_mobile", "NASNet", kKeras, 224, 32, 0.744, 0.919}, build_nasnet_mobile},
        {{"resnet101v2", "ResNetV2", kKeras, 224, 32, 0.772, 0.938},
         [](G& graph, int classes) { build_resnet_v2(graph, k101, classes); }},
        {{"resnet152v2", "ResNetV2", kKeras, 224, 32, 0.780, 0.942},
         [](G& graph, int classes) { build_resnet_v2(graph, k152, classes); }},
        {{"resnet50v2", "ResNetV2", kKeras, 224, 32, 0.760, 0.930},
         [](G& graph, int classes) { build_resnet_v2(graph, k50, classes); }},
        {{"xception", "Xception", kKeras, 299, 71, 0.790, 0.945}, build_xception},
    };
    return table;
}

}  // namespace thaw
