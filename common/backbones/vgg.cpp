#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {

/// As torchvision; its blocks are called as Keras calls them.
struct Vgg {
    std::array<int, 5> convolutions;  // in each of the five blocks
    bool batch_norm;
};

namespace {

constexpr int kWidths[] = {64, 128, 256, 512, 512};  // channels of the five blocks

}  // namespace

static void build_vgg(GraphBuilder& graph, const Vgg& net, int classes) {
    int part = 0;  // torchvision counts convolutions, batch-norms, activations and pools alike
    const auto next = [&] { return fmt::format("features.{}", part++); };
    // Keras has those without batch-norm, whose convolutions activate themselves.
    const auto in_keras = [&](const std::string& name) {
        if (!net.batch_norm) graph.in_keras(name);
    };
    in_keras("input_layer");
    for (std::size_t block = 0; block < net.convolutions.size(); ++block) {
        graph.begin_block(fmt::format("block{}", block + 1));
        for (int i = 0; i < net.convolutions[block]; ++i) {
            const std::string keras = fmt::format("block{}_conv{}", block + 1, i + 1);
            graph.conv(next(), {.channels = kWidths[block], .kernel = 3, .padding = around(1), .bias = true});
            in_keras(keras);
            if (net.batch_norm) graph.batch_norm(next(), {});
            graph.activation(next(), Activation::relu);
            in_keras(keras);
        }
        graph.max_pool(next(), 2, 2);
        in_keras(fmt::format("block{}_pool", block + 1));
    }
    graph.begin_top();
    graph.adaptive_average_pool("avgpool", 7);
    graph.flatten("flatten");
    in_keras("flatten");
    graph.dense("classifier.0", 4096);
    in_keras("fc1");
    graph.activation("classifier.1", Activation::relu);
    in_keras("fc1");
    graph.dropout("classifier.2");
    graph.dense("classifier.3", 4096);
    in_keras("fc2");
    graph.activation("classifier.4", Activation::relu);
    in_keras("fc2");
    graph.dropout("classifier.5");
    graph.dense("classifier.6", classes);
    in_keras("predictions");
}

namespace {

auto vgg(std::array<int, 5> convolutions, bool batch_norm) {
    return [=](GraphBuilder& graph, int classes) { build_vgg(graph, {convolutions, batch_norm}, classes); };
}

}  // namespace

const std::vector<BackboneRow>& vgg_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"vgg11", "VGG", "torchvision", 224, 32, 0.6902, 0.88628},
         vgg({1, 1, 2, 2, 2}, false),
         {torchvision(1, "vgg11-8a719046.pth", "8a719046")}},
        {{"vgg11_bn", "VGG", "torchvision", 224, 32, 0.7037, 0.8981},
         vgg({1, 1, 2, 2, 2}, true),
         {torchvision(1, "vgg11_bn-6002323d.pth", "6002323d")}},
        {{"vgg13", "VGG", "torchvision", 224, 32, 0.69928, 0.89246},
         vgg({2, 2, 2, 2, 2}, false),
         {torchvision(1, "vgg13-19584684.pth", "19584684")}},
        {{"vgg13_bn", "VGG", "torchvision", 224, 32, 0.71586, 0.90374},
         vgg({2, 2, 2, 2, 2}, true),
         {torchvision(1, "vgg13_bn-abd245e5.pth", "abd245e5")}},
        {{"vgg16", "VGG", "torchvision", 224, 32, 0.71592, 0.90382},
         vgg({2, 2, 3, 3, 3}, false),
         with_keras(
             {torchvision(1, "vgg16-397923af.pth", "397923af")},
             keras_files("tensorflow/keras-applications/vgg16", "caffe",
                         {"vgg16_weights_tf_dim_ordering_tf_kernels.h5", "64373286793e3c8b2b4e3219cbf3544b"},
                         {"vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc"}))},
        {{"vgg16_bn", "VGG", "torchvision", 224, 32, 0.7336, 0.91516},
         vgg({2, 2, 3, 3, 3}, true),
         {torchvision(1, "vgg16_bn-6c64b313.pth", "6c64b313")}},
        {{"vgg19", "VGG", "torchvision", 224, 32, 0.72376, 0.90876},
         vgg({2, 2, 4, 4, 4}, false),
         with_keras(
             {torchvision(1, "vgg19-dcbb9e9d.pth", "dcbb9e9d")},
             keras_files("tensorflow/keras-applications/vgg19", "caffe",
                         {"vgg19_weights_tf_dim_ordering_tf_kernels.h5", "cbe5617147190e668d6c5d5026f83318"},
                         {"vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", "253f8cb515780f3b799900260a226db6"}))},
        {{"vgg19_bn", "VGG", "torchvision", 224, 32, 0.74218, 0.91842},
         vgg({2, 2, 4, 4, 4}, true),
         {torchvision(1, "vgg19_bn-c79401a0.pth", "c79401a0")}},
    };
    return rows;
}

}  // namespace thaw
