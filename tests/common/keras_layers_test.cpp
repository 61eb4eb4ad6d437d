// Keras' networks against Keras itself: golden/keras/NAME.txt, by tests/parity/keras_layers.py.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "common/backbones/backbones.hpp"

namespace thaw {
namespace {

/// What follows `word` on those lines of a network's golden file that begin with it.
std::vector<std::string> keras_golden(const std::string& network, const std::string& word) {
    std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/common/golden/keras/" + network + ".txt");
    EXPECT_TRUE(file) << "no golden file for " << network;
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(word + " ")) lines.push_back(line.substr(word.size() + 1));
    return lines;
}

/// thaw's layers that are one in Keras.
struct Group {
    int begin, end;
};

std::vector<Group> groups(const LayerGraph& graph) {
    std::vector<Group> all;
    for (int i = 0; i < graph.top_begin; ++i)
        if (continues_counted_layer(graph, i))
            all.back().end = i + 1;
        else
            all.push_back({i, i + 1});
    return all;
}

/// What Keras calls the tensors of a group, in its order; `statistics`: also those that are never trained.
std::vector<std::string> weights_of(const LayerGraph& graph, const Group& group, bool statistics) {
    std::vector<std::string> names;
    const Layer &first = graph.layers[group.begin], &last = graph.layers[group.end - 1];
    if (first.kind == LayerKind::conv && last.kind == LayerKind::conv && group.end - group.begin == 2)
        return {"depthwise_kernel", "pointwise_kernel"};
    if (first.kind == LayerKind::conv) names.push_back("kernel");
    if (first.kind == LayerKind::conv && first.bias) names.push_back("bias");
    if (first.kind == LayerKind::batch_norm) {
        if (first.gamma) names.push_back("gamma");
        names.push_back("beta");
        if (statistics) names.insert(names.end(), {"moving_mean", "moving_variance"});
    }
    if (first.kind == LayerKind::normalize && statistics) names = {"mean", "variance", "count"};
    return names;
}

bool has_kind(const LayerGraph& graph, const Group& group, const std::string& kind) {
    return std::any_of(graph.layers.begin() + group.begin, graph.layers.begin() + group.end,
                       [&](const Layer& layer) { return to_string(layer.kind) == kind; });
}

std::int64_t parameters_between(const LayerGraph& graph, int begin, int end) {
    std::int64_t sum = 0;
    for (int i = begin; i < end; ++i) sum += graph.layers[i].parameters;
    return sum;
}

/// "LAYER/WEIGHT" of every weight that the first `layers` layers train, were they not frozen.
std::vector<std::string> trainable_weights(const LayerGraph& graph, int layers) {
    std::vector<std::string> names;
    for (const Group& group : groups(graph))
        if (group.end <= layers)
            for (const std::string& weight : weights_of(graph, group, false))
                names.push_back(graph.layers[group.begin].keras + "/" + weight);
    return names;
}

/// The same of Keras' layers, all of them.
std::vector<std::string> golden_trainable_weights(const std::string& network) {
    static const std::set<std::string> kStatistics = {"moving_mean", "moving_variance", "mean", "variance", "count"};
    std::vector<std::string> names;
    for (const std::string& line : keras_golden(network, "layer")) {
        std::istringstream words(line);
        std::string name, weight;
        for (int i = 0; i < 6; ++i) words >> name;
        while (words >> weight)
            if (!kStatistics.contains(weight)) names.push_back(name + "/" + weight);
    }
    return names;
}

class KerasNetwork : public testing::TestWithParam<std::string> {
  protected:
    LayerGraph graph_of(int image_size) const {
        return build_backbone(GetParam(), image_size, PaddingStyle::tensorflow);
    }
    const LayerGraph graph_ = graph_of(find_backbone(GetParam()).default_image_size);
};

TEST_P(KerasNetwork, ListsTheLayersThatKerasLists) {
    const std::vector<std::string> expected = keras_golden(GetParam(), "layer");
    const std::vector<Group> found = groups(graph_);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const Layer& last = graph_.layers[found[i].end - 1];
        std::string line = fmt::format("{} {} {} {} {}", last.output.channels, last.output.height, last.output.width,
                                       parameters_between(graph_, found[i].begin, found[i].end), last.keras);
        for (const std::string& weight : weights_of(graph_, found[i], true)) line += " " + weight;
        const std::size_t space = expected[i].find(' ');
        ASSERT_EQ(line, expected[i].substr(space + 1)) << "layer " << i;
        EXPECT_TRUE(has_kind(graph_, found[i], expected[i].substr(0, space))) << expected[i];
    }
}

TEST_P(KerasNetwork, FreezesTheWeightsThatKerasFreezes) {
    const std::vector<std::string> all = golden_trainable_weights(GetParam());
    const auto check = [&](const std::string& freeze, std::size_t count) {
        ASSERT_LE(count, all.size());
        EXPECT_EQ(trainable_weights(graph_, resolve_freeze(graph_, freeze).frozen_layers),
                  std::vector<std::string>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)))
            << "freeze: " << freeze;
    };
    const std::vector<std::string> lines = keras_golden(GetParam(), "freeze");
    std::vector<std::pair<std::string, std::size_t>> depths;
    for (const std::string& line : lines) {
        const std::size_t space = line.find(' ');
        depths.emplace_back(line.substr(0, space), std::stoul(line.substr(space)));
        check(depths.back().first, depths.back().second);
    }
    check("50%", depths.end()[-2].second);
    check("all", depths.back().second);
    EXPECT_EQ(depths.back().second, all.size());
}

TEST_P(KerasNetwork, NormalizesAsKeras) {
    std::set<std::string> norms;
    for (const Layer& layer : graph_.layers)
        if (layer.kind == LayerKind::batch_norm) norms.insert(fmt::format("{} {}", layer.epsilon, layer.momentum));
    EXPECT_THAT(norms, testing::ElementsAreArray(keras_golden(GetParam(), "norm")));
}

TEST_P(KerasNetwork, HasKerasShapesForImagesOfOtherSizes) {
    for (const std::string& line : keras_golden(GetParam(), "shape")) {
        std::istringstream words(line);
        int size = 0;
        Shape expected;
        words >> size >> expected.channels >> expected.height >> expected.width;
        EXPECT_EQ(graph_of(size).base_output(), expected) << size << " pixels";
    }
    for (const int size : {150, 224, 240, 299, 300}) EXPECT_EQ(graph_of(size).image_size, size);
}

TEST_P(KerasNetwork, TakesTheSmallestImageThatKerasTakes) {
    EXPECT_EQ(keras_golden(GetParam(), "smallest"),
              std::vector{std::to_string(find_backbone(GetParam()).smallest_image_size)});
}

TEST_P(KerasNetwork, HasKerasTotals) {
    const int layers = static_cast<int>(graph_.layers.size());
    int count = counted(graph_, layers);
    if (GetParam() == "mobilenet_v1") count += 2;   // there a Reshape and a softmax end it
    if (GetParam().starts_with("vgg")) count -= 3;  // a pool and two dropouts that only torchvision has
    EXPECT_THAT(keras_golden(GetParam(), "with_top"),
                testing::ElementsAre(fmt::format("{} {}", parameters_between(graph_, 0, layers), count)));
}

std::vector<std::string> networks() {
    std::vector<std::string> names = {"vgg16", "vgg19"};  // torchvision's, and the same in Keras
    for (const BackboneInfo& info : backbones())
        if (info.reference == "keras") names.push_back(info.name);
    return names;
}
INSTANTIATE_TEST_SUITE_P(All, KerasNetwork, testing::ValuesIn(networks()), [](const auto& test) { return test.param; });

TEST(KerasNetworks, HaveThePublishedNumbersOfParameters) {
    const std::pair<const char*, std::int64_t> published[] = {{"xception", 22'910'480},
                                                              {"vgg16", 138'357'544},
                                                              {"vgg19", 143'667'240},
                                                              {"keras_resnet50", 25'636'712},
                                                              {"keras_resnet101", 44'707'176},
                                                              {"keras_resnet152", 60'419'944},
                                                              {"resnet50v2", 25'613'800},
                                                              {"resnet101v2", 44'675'560},
                                                              {"resnet152v2", 60'380'648},
                                                              {"keras_inception_v3", 23'851'784},
                                                              {"inception_resnet_v2", 55'873'736},
                                                              {"mobilenet_v1", 4'253'864},
                                                              {"keras_mobilenet_v2", 3'538'984}};
    for (const auto& [name, count] : published) {
        const LayerGraph graph = build_backbone(name, 224, PaddingStyle::tensorflow);
        EXPECT_EQ(parameters_between(graph, 0, static_cast<int>(graph.layers.size())), count) << name;
    }
}

}  // namespace
}  // namespace thaw
