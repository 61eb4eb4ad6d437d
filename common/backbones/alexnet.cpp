#include "common/backbones/families.hpp"

namespace thaw {
namespace {

struct AlexNetStage {
    const char *conv, *relu, *pool;  // torchvision's names; pool null where none follows
    Conv options;
};

const AlexNetStage kAlexNetStages[] = {
    {"features.0",
     "features.1",
     "features.2",
     {.channels = 64, .kernel = 11, .stride = 4, .padding = around(2), .bias = true}},
    {"features.3", "features.4", "features.5", {.channels = 192, .kernel = 5, .padding = around(2), .bias = true}},
    {"features.6", "features.7", nullptr, {.channels = 384, .kernel = 3, .padding = around(1), .bias = true}},
    {"features.8", "features.9", nullptr, {.channels = 256, .kernel = 3, .padding = around(1), .bias = true}},
    {"features.10", "features.11", "features.12", {.channels = 256, .kernel = 3, .padding = around(1), .bias = true}},
};

}  // namespace

/// As torchvision, whose padding it keeps in either padding style; so do the ResNets.
static void build_alexnet(GraphBuilder& graph, int classes) {
    int number = 0;
    for (const AlexNetStage& stage : kAlexNetStages) {
        graph.begin_block("conv" + std::to_string(++number));
        graph.conv(stage.conv, stage.options);
        graph.activation(stage.relu, Activation::relu);
        if (stage.pool) graph.max_pool(stage.pool, 3, 2);
    }
    graph.begin_top();
    graph.adaptive_average_pool("avgpool", 6);
    graph.flatten("flatten");
    graph.dropout("classifier.0");
    graph.dense("classifier.1", 4096);
    graph.activation("classifier.2", Activation::relu);
    graph.dropout("classifier.3");
    graph.dense("classifier.4", 4096);
    graph.activation("classifier.5", Activation::relu);
    graph.dense("classifier.6", classes);
}

const std::vector<BackboneRow>& alexnet_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"alexnet", "AlexNet", "torchvision", 224, 63, 0.56522, 0.79066},
         build_alexnet,
         {torchvision(1, "alexnet-owt-7be5be79.pth", "7be5be79")}},
    };
    return rows;
}

}  // namespace thaw
