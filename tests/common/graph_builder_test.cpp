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

TEST(GraphBuilderDeathTest, StopsAtEmptyOutputsAndTakenNames) {
    GraphBuilder graph("net", 4, PaddingStyle::symmetric);
    EXPECT_DEATH(graph.max_pool("pool", 5, 1), "empty output at 4 pixels");
    EXPECT_DEATH(graph.conv("input", {.channels = 1}), "two layers named input");
}

}  // namespace
}  // namespace thaw
