// Keras' networks against Keras itself: golden/keras_networks.txt, by tests/parity/keras_layers.py.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "common/backbones/backbones.hpp"
#include "tests/common/backbones/layer_lists.hpp"

namespace thaw {
namespace {

std::vector<std::string> keras_golden(const std::string& network, const std::string& word) {
    return golden_lines("keras_networks.txt", network, word);
}

/// "LAYER/WEIGHT" of every weight that the first `layers` layers train, were they not frozen.
std::vector<std::string> trainable_weights(const LayerGraph& graph, int layers) {
    std::vector<std::string> names;
    for (const KerasGroup& group : keras_groups(graph))
        if (group.end <= layers)
            for (const std::string& weight : weights_of(graph, group, false))
                names.push_back(graph.layers[group.begin].keras + "/" + weight);
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
    expect_original_list(keras_layer_list(graph_), "keras_networks.txt", GetParam(), "layers", "keras_layers.py");
}

/// All weights are Keras', in its order, where the test above holds.
TEST_P(KerasNetwork, FreezesTheWeightsThatKerasFreezes) {
    const std::vector<std::string> all = trainable_weights(graph_, graph_.top_begin);
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
