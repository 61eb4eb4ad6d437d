#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {
namespace {

constexpr int kWidths[] = {64, 128, 256, 512, 512};  // channels of the five blocks

}  // namespace

void build_vgg(GraphBuilder& graph, const Vgg& net, int classes) {
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

}  // namespace thaw
