#include <fmt/format.h>

#include "common/backbones/families.hpp"

namespace thaw {
namespace {

constexpr int kWidths[] = {64, 128, 256, 512, 512};  // channels of the five blocks

}  // namespace

void build_vgg(GraphBuilder& graph, const Vgg& net, int classes) {
    int part = 0;  // torchvision counts convolutions, batch-norms, activations and pools alike
    const auto next = [&] { return fmt::format("features.{}", part++); };
    for (std::size_t block = 0; block < net.convolutions.size(); ++block) {
        graph.begin_block(fmt::format("block{}", block + 1));
        for (int i = 0; i < net.convolutions[block]; ++i) {
            graph.conv(next(), {.channels = kWidths[block], .kernel = 3, .padding = around(1), .bias = true});
            if (net.batch_norm) graph.batch_norm(next(), {});
            graph.activation(next(), Activation::relu);
        }
        graph.max_pool(next(), 2, 2);
    }
    graph.begin_top();
    graph.adaptive_average_pool("avgpool", 7);
    graph.flatten("flatten");
    graph.dense("classifier.0", 4096);
    graph.activation("classifier.1", Activation::relu);
    graph.dropout("classifier.2");
    graph.dense("classifier.3", 4096);
    graph.activation("classifier.4", Activation::relu);
    graph.dropout("classifier.5");
    graph.dense("classifier.6", classes);
}

}  // namespace thaw
