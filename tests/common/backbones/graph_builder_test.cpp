#include "common/backbones/graph_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thaw {
namespace {

TEST(GraphBuilder, CountsAConvolutionsParametersAndFlops) {
    GraphBuilder graph("net", 8, PaddingStyle::symmetric);
    graph.conv("plain", {.channels = 4, .kernel = 3, .padding = around(1), .bias = true});
    graph.conv("grouped", {.channels = 8, .kernel = 3, .groups = 4});
    const LayerGraph built = graph.finish();
    EXPECT_EQ(built.layers[1].parameters, 4 * (3 * 3 * 3 + 1));
    EXPECT_EQ(built.layers[1].flops, 8 * 8 * 4 * (2 * 3 * 3 * 3 + 1));
    EXPECT_EQ(built.layers[2].output, (Shape{8, 6, 6}));
    EXPECT_EQ(built.layers[2].parameters, 8 * (1 * 3 * 3));
    EXPECT_EQ(built.top_begin, 3);
}

TEST(GraphBuilder, PadsEachAxisForItsOwnKernel) {
    GraphBuilder graph("net", 17, PaddingStyle::tensorflow);
    const Padding padding = graph.same({1, 7});
    EXPECT_EQ(padding, (Padding{0, 0, 3, 3}));
    graph.conv("wide", {.channels = 2, .kernel = {1, 7}, .padding = padding});
    EXPECT_EQ(graph.finish().layers[1].output, (Shape{2, 17, 17}));
}

TEST(GraphBuilder, PadsNothingWhereAStrideSkipsPixelsAnyway) {
    const GraphBuilder graph("net", 8, PaddingStyle::tensorflow);
    EXPECT_FALSE(graph.same(1, 2).any());
    EXPECT_FALSE(graph.same(2, 4).any());
}

TEST(GraphBuilder, DilationWidensTheWindow) {
    GraphBuilder graph("net", 9, PaddingStyle::symmetric);
    graph.conv("dilated", {.channels = 1, .kernel = 3, .dilation = 2});
    EXPECT_EQ(graph.finish().layers[1].output, (Shape{1, 5, 5}));
}

TEST(GraphBuilder, JoinsBranches) {
    GraphBuilder graph("net", 8, PaddingStyle::symmetric);
    const int left = graph.conv("left", {.channels = 5}, 0);
    const int pooled = graph.average_pool("pooled", 3, 1, around(1), 0);
    const int joined = graph.concat("joined", {left, pooled});
    graph.add("sum", {joined, joined});
    const LayerGraph built = graph.finish();
    EXPECT_EQ(built.layers[joined].output, (Shape{8, 8, 8}));
    EXPECT_THAT(cuts(built), testing::ElementsAre(1, 4, 5));
}

TEST(GraphBuilder, MultipliesAMapByOneNumberAChannel) {
    GraphBuilder graph("net", 8, PaddingStyle::symmetric);
    graph.global_average_pool("squeezed");
    const int factors = graph.reshape("factors");
    const int excited = graph.multiply("excited", 0, factors);
    EXPECT_EQ(graph.finish().layers[excited].output, (Shape{3, 8, 8}));
}

TEST(GraphBuilder, ABatchNormMayHaveNoFactorAndAnInputNormalizationNothingToTrain) {
    GraphBuilder graph("net", 8, PaddingStyle::symmetric);
    graph.batch_norm("norm", {.gamma = false});
    graph.normalize("normalization");
    const LayerGraph built = graph.finish();
    EXPECT_EQ(built.layers[1].parameters, 3 * 3);
    EXPECT_EQ(built.layers[2].parameters, 2 * 3 + 1);  // as Keras, whose count of images is one
}

TEST(GraphBuilder, CropsWhatItIsTold) {
    GraphBuilder graph("net", 8, PaddingStyle::symmetric);
    graph.crop("cropped", {1, 0, 1, 0});
    EXPECT_EQ(graph.finish().layers[1].output, (Shape{3, 7, 7}));
}

/// A separable convolution, and a shortcut that is added first but ends nearer to the output.
LayerGraph keras_graph() {
    GraphBuilder graph("net", 8, PaddingStyle::symmetric);
    graph.follow_keras();
    const int shortcut = graph.conv("shortcut", {.channels = 5}, 0);
    graph.conv("separable.depthwise", {.channels = 3, .groups = 3}, 0);
    graph.conv("separable.pointwise", {.channels = 5});
    const int body = graph.activation("relu", Activation::relu);
    graph.add("sum", {shortcut, body});
    return graph.finish();
}

TEST(KerasOrder, ListsWhatIsFartherFromTheOutputFirst) {
    std::vector<std::string> names;
    for (const Layer& layer : keras_graph().layers) names.push_back(layer.name);
    EXPECT_THAT(names,
                testing::ElementsAre("input", "separable.depthwise", "separable.pointwise", "shortcut", "relu", "sum"));
    EXPECT_THAT(keras_graph().layers[5].inputs, testing::ElementsAre(3, 4));
    EXPECT_EQ(keras_graph().padding_style, PaddingStyle::tensorflow);
}

TEST(KerasOrder, CountsWhatIsOneLayerInKerasOnce) {
    const LayerGraph graph = keras_graph();
    EXPECT_EQ(graph.layers[1].keras, "separable");
    EXPECT_EQ(counted(graph, 6), 5);
    EXPECT_EQ(counted(graph, 2), 2);
    EXPECT_EQ(layers_of(graph, 2), 3);
    EXPECT_EQ(layers_of(graph, 5), 6);
    for (const char* freeze : {"2", "40%", "separable", "separable.depthwise"})
        EXPECT_EQ(resolve_freeze(graph, freeze).frozen_layers, 3) << freeze;
}

TEST(GraphBuilderDeathTest, StopsAtEmptyOutputsAndTakenNames) {
    GraphBuilder graph("net", 4, PaddingStyle::symmetric);
    EXPECT_DEATH(graph.max_pool("pool", 5, 1), "empty output at 4 pixels");
    EXPECT_DEATH(graph.conv("input", {.channels = 1}), "two layers named input");
}

}  // namespace
}  // namespace thaw
