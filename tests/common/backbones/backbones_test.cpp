#include "common/backbones/backbones.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "common/util/error.hpp"
#include "tests/common/backbones/layer_lists.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

LayerGraph graph_of(const std::string& name, int image_size = 224, PaddingStyle style = PaddingStyle::symmetric) {
    return build_backbone(name, image_size, style);
}

std::int64_t parameters(const LayerGraph& graph) {
    std::int64_t sum = 0;
    for (const Layer& layer : graph.layers) sum += layer.parameters;
    return sum;
}

double gflops(const LayerGraph& graph) {
    double sum = 0;
    for (const Layer& layer : graph.layers) sum += static_cast<double>(layer.flops);
    return sum / 1e9;
}

std::string error_of(const LayerGraph& graph, const std::string& freeze) {
    try {
        resolve_freeze(graph, freeze);
    } catch (const UserError& error) {
        return error.what();
    }
    return "";
}

std::vector<std::string> golden(const std::string& name, const std::string& word) {
    return golden_lines("torch_networks.txt", name, word);
}

void expect_original(std::vector<std::string> list, const std::string& network, const std::string& word) {
    std::ranges::sort(list);
    expect_original_list(list, "torch_networks.txt", network, word, "tensor_names.py");
}

/// "NAME DIM..." of all tensors that a graph's weight file has.
std::vector<std::string> tensors(const LayerGraph& graph) {
    std::vector<std::string> lines;
    for (const Layer& layer : graph.layers) {
        if (layer.tensors.empty()) continue;
        const int in = graph.layers[layer.inputs[0]].output.channels, out = layer.output.channels;
        std::ostringstream shape;
        shape << out;
        if (layer.kind == LayerKind::dense) shape << " " << in;
        if (layer.kind == LayerKind::conv)
            shape << " " << in / layer.groups << " " << layer.kernel_height << " " << layer.kernel_width;
        lines.push_back(layer.tensors + ".weight " + shape.str());
        const bool norm = layer.kind == LayerKind::batch_norm;
        if (norm || layer.bias) lines.push_back(layer.tensors + ".bias " + std::to_string(out));
        if (norm) lines.push_back(layer.tensors + ".running_mean " + std::to_string(out));
        if (norm) lines.push_back(layer.tensors + ".running_var " + std::to_string(out));
    }
    return lines;
}

class EveryBackbone : public testing::TestWithParam<std::string> {};

/// Keras' networks are in keras_layers_test.cpp.
class EveryTorchBackbone : public EveryBackbone {};

TEST_P(EveryTorchBackbone, HasTheReferencesTensors) {
    expect_original(tensors(graph_of(GetParam())), GetParam(), "tensors");
}

/// "NAME C H W" of the outputs of all that is a module of its own in torchvision and knows where it pads.
std::vector<std::string> outputs(const LayerGraph& graph) {
    std::vector<std::string> lines;
    for (const Layer& layer : graph.layers) {
        const bool pool = layer.kind == LayerKind::max_pool || layer.kind == LayerKind::average_pool;
        const bool function = pool && layer.name.starts_with("Mixed_");  // of Inception's blocks
        if ((!pool || function) && layer.kind != LayerKind::conv && layer.kind != LayerKind::dense) continue;
        const Shape& shape = layer.output;
        lines.push_back(fmt::format("{} {} {} {}", layer.name, shape.channels, shape.height, shape.width));
    }
    return lines;
}

TEST_P(EveryTorchBackbone, HasTheReferencesOutputShapesInEitherPaddingStyle) {
    if (GetParam() == "mobilenet_v1") return;  // all that is known of it is a file of weights
    constexpr int kOddSize = 101;              // odd at many depths, where paddings differ most
    for (const PaddingStyle style : {PaddingStyle::symmetric, PaddingStyle::tensorflow})
        expect_original(outputs(graph_of(GetParam(), kOddSize, style)), GetParam(), "outputs");
}

TEST_P(EveryTorchBackbone, NormalizesAsTheReference) {
    const std::string file =
        find_backbone(GetParam()).reference == "keras" ? "keras_networks.txt" : "torch_networks.txt";
    const LayerGraph graph = graph_of(GetParam());
    std::set<std::string> norms;
    for (const Layer& layer : graph.layers)
        if (layer.kind == LayerKind::batch_norm) norms.insert(fmt::format("{} {}", layer.epsilon, layer.momentum));
    EXPECT_THAT(norms, testing::ElementsAreArray(golden_lines(file, GetParam(), "norm")));
}

TEST_P(EveryTorchBackbone, HasTheFlopsThatTorchCounts) {
    const LayerGraph graph = graph_of(GetParam());
    for (const std::string& line : golden(GetParam(), "flops")) {
        std::int64_t flops = 0;
        for (const Layer& layer : graph.layers)
            if (layer.kind == LayerKind::conv || layer.kind == LayerKind::dense)
                flops += layer.flops - (layer.bias ? layer.output.elements() : 0);
        EXPECT_EQ("224 " + std::to_string(flops), line);
    }
}

TEST_P(EveryBackbone, IsAWellFormedGraph) {
    const LayerGraph graph = graph_of(GetParam(), 129, PaddingStyle::tensorflow);
    std::set<std::string> names;
    EXPECT_EQ(graph.layers[0].kind, LayerKind::input);
    for (int i = 0; i < static_cast<int>(graph.layers.size()); ++i) {
        const Layer& layer = graph.layers[i];
        EXPECT_TRUE(names.insert(layer.name).second) << layer.name;
        EXPECT_FALSE(layer.block.empty()) << layer.name;
        EXPECT_EQ(layer.inputs.empty(), i == 0) << layer.name;
        for (const int input : layer.inputs) EXPECT_LT(input, i) << layer.name;
    }
    EXPECT_EQ(graph.layers.back().output, (Shape{1000, 1, 1}));
}

TEST_P(EveryBackbone, TakesItsSmallestImageAndNothingSmaller) {
    const int smallest = find_backbone(GetParam()).smallest_image_size;
    for (const PaddingStyle style : {PaddingStyle::symmetric, PaddingStyle::tensorflow}) {
        EXPECT_EQ(build_backbone(GetParam(), smallest, style).image_size, smallest);
        EXPECT_THROW(build_backbone(GetParam(), smallest - 1, style), UserError);
    }
}

/// The definition, word by word: no layer from n on reads what was made before n, save the output of layer n.
TEST_P(EveryBackbone, IsCutExactlyWhereOneTensorCrosses) {
    const LayerGraph graph = graph_of(GetParam());
    std::vector<int> expected;
    for (int n = 1; n <= graph.top_begin; ++n) {
        bool single = true;
        for (int i = n; i < graph.top_begin; ++i)
            for (const int input : graph.layers[i].inputs) single = single && input >= n - 1;
        if (single) expected.push_back(n);
    }
    EXPECT_EQ(cuts(graph), expected);
}

TEST_P(EveryBackbone, FreezesEveryLayerByItsName) {
    const LayerGraph graph = graph_of(GetParam());
    for (int i = 0; i < graph.top_begin; ++i)
        EXPECT_EQ(resolve_freeze(graph, graph.layers[i].name).frozen_layers, layers_of(graph, counted(graph, i + 1)))
            << graph.layers[i].name;
}

std::vector<std::string> all_names() {
    std::vector<std::string> names;
    for (const BackboneInfo& info : backbones()) names.push_back(info.name);
    return names;
}
INSTANTIATE_TEST_SUITE_P(Backbones, EveryBackbone, testing::ValuesIn(all_names()),
                         [](const auto& test) { return test.param; });

std::vector<std::string> torch_names() {
    std::vector<std::string> names = {"mobilenet_v1"};
    for (const BackboneInfo& info : backbones())
        if (info.reference != "keras") names.push_back(info.name);
    return names;
}
INSTANTIATE_TEST_SUITE_P(Backbones, EveryTorchBackbone, testing::ValuesIn(torch_names()),
                         [](const auto& test) { return test.param; });

TEST(Backbones, AreSortedByName) {
    const std::vector<std::string> names = all_names();
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

TEST(Backbones, CountParametersAsKeras) {
    EXPECT_EQ(parameters(graph_of("mobilenet_v1")), 4'253'864);
    EXPECT_EQ(parameters(graph_of("mobilenet_v2")), 3'538'984);
}

TEST(Backbones, CountParametersAndBuffersAsTorchvision) {
    EXPECT_EQ(parameters(graph_of("alexnet")), 61'100'840);
    EXPECT_EQ(parameters(graph_of("resnet18")), 11'699'112);
    EXPECT_EQ(parameters(graph_of("resnet34")), 21'814'696);
    EXPECT_EQ(parameters(graph_of("resnet50")), 25'610'152);
}

TEST(Backbones, CostWhatIsPublished) {
    EXPECT_NEAR(gflops(graph_of("resnet50")), 8.2, 0.1);
    EXPECT_NEAR(gflops(graph_of("mobilenet_v2")), 0.6, 0.03);
    EXPECT_NEAR(gflops(graph_of("alexnet")), 1.43, 0.01);
}

TEST(Backbones, MayHaveAnyNumberOfClasses) {
    const LayerGraph graph = build_backbone("mobilenet_v2", 96, PaddingStyle::tensorflow, 10);
    EXPECT_EQ(graph.layers.back().output, (Shape{10, 1, 1}));
    EXPECT_EQ(graph.base_output(), (Shape{1280, 3, 3}));
}

TEST(Backbones, UnknownNameIsAnsweredWithTheNearest) {
    try {
        find_backbone("mobilenetv2");
        FAIL();
    } catch (const UserError& error) {
        EXPECT_THAT(error.what(),
                    AllOf(HasSubstr("did you mean 'mobilenet_v2'?"), HasSubstr("`thaw backbones` lists all")));
    }
}

TEST(Backbones, TooSmallImageIsAnsweredWithTheSmallest) {
    try {
        graph_of("alexnet", 32);
        FAIL();
    } catch (const UserError& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr("32"), HasSubstr("63")));
    }
    EXPECT_THROW(graph_of("alexnet", 1 << 30), UserError);
    EXPECT_THROW(graph_of("resnet18", -1), UserError);
}

LayerGraph as_keras_builds(const std::string& keras) {
    return graph_of(keras, 224, PaddingStyle::tensorflow);
}

/// KIND, and for networks of the same arithmetic also C H W PARAMETERS, of each layer of Keras' network `keras`: of
/// thaw's, whose layers keras_layers_test.cpp finds to be Keras'.
void expect_layers_of_keras(const std::string& name, const std::string& keras, bool same_arithmetic) {
    const LayerGraph graph = graph_of(name, 224, PaddingStyle::tensorflow);
    const std::vector<std::string> layers = keras_layer_list(as_keras_builds(keras));
    ASSERT_EQ(layers.size(), static_cast<std::size_t>(graph.top_begin));
    for (int i = 0; i < graph.top_begin; ++i) {
        const Layer& layer = graph.layers[i];
        std::istringstream words(layers[i]);
        std::string kind;
        Shape shape;
        std::int64_t count = 0;
        words >> kind >> shape.channels >> shape.height >> shape.width >> count;
        EXPECT_EQ(to_string(layer.kind), kind) << layer.name << " against " << layers[i];
        EXPECT_EQ(layer.output.channels, shape.channels) << layer.name << " against " << layers[i];
        if (!same_arithmetic) continue;
        EXPECT_EQ(layer.output, shape) << layer.name << " against " << layers[i];
        EXPECT_EQ(layer.parameters, count) << layer.name << " against " << layers[i];
    }
}

TEST(LayerOrder, OfMobileNetIsThatOfKeras) {
    expect_layers_of_keras("mobilenet_v1", "mobilenet_v1", true);
}
TEST(LayerOrder, OfMobileNetV2IsThatOfKeras) {
    expect_layers_of_keras("mobilenet_v2", "keras_mobilenet_v2", true);
}
// Keras' ResNet50 has its stride in the first 1x1 convolution, and biases.
TEST(LayerOrder, OfResNet50IsThatOfKeras) {
    expect_layers_of_keras("resnet50", "keras_resnet50", false);
}

TEST(Padding, LiesAsTheStyleSays) {
    const auto padding = [](int size, PaddingStyle style, const char* layer) {
        const LayerGraph graph = build_backbone("mobilenet_v2", size, style);
        return graph.layers[graph.find(layer)].padding;
    };
    EXPECT_EQ(padding(224, PaddingStyle::symmetric, "features.0.0"), (Padding{1, 1, 1, 1}));
    EXPECT_EQ(padding(224, PaddingStyle::tensorflow, "features.0.0"), (Padding{0, 1, 0, 1}));
    EXPECT_EQ(padding(225, PaddingStyle::tensorflow, "features.0.0"), (Padding{1, 1, 1, 1}));
    EXPECT_EQ(padding(224, PaddingStyle::tensorflow, "features.2.conv.1.pad"), (Padding{0, 1, 0, 1}));
    EXPECT_EQ(padding(224, PaddingStyle::tensorflow, "features.2.conv.1.0"), (Padding{}));
    EXPECT_EQ(padding(224, PaddingStyle::tensorflow, "features.3.conv.1.0"), (Padding{1, 1, 1, 1}));
}

TEST(Padding, OfResNetsAndAlexNetIsTorchvisionsInEitherStyle) {
    for (const char* name : {"resnet50", "alexnet"}) {
        const LayerGraph symmetric = graph_of(name), tensorflow = graph_of(name, 224, PaddingStyle::tensorflow);
        for (std::size_t i = 0; i < symmetric.layers.size(); ++i)
            EXPECT_EQ(symmetric.layers[i].padding, tensorflow.layers[i].padding) << symmetric.layers[i].name;
    }
}

TEST(Cuts, AreEverywhereInAChain) {
    const LayerGraph graph = graph_of("mobilenet_v1");
    EXPECT_EQ(cuts(graph).size(), static_cast<std::size_t>(graph.top_begin));
}

TEST(Cuts, AreNowhereInsideAResidualBlock) {
    const LayerGraph graph = graph_of("mobilenet_v2");
    const int begin = graph.find("features.3.conv.0.0"), end = graph.find("features.3.add");
    std::vector<int> inside;
    for (const int cut : cuts(graph))
        if (cut >= begin && cut <= end + 1) inside.push_back(cut);
    EXPECT_THAT(inside, ElementsAre(begin, end + 1));
}

TEST(Cuts, AreNowhereInsideAProjectionBlockButBetweenItsSumAndReLU) {
    const LayerGraph graph = graph_of("resnet50");
    const int begin = graph.find("layer2.0.conv1"), end = graph.find("layer2.0.out");
    std::vector<int> inside;
    for (const int cut : cuts(graph))
        if (cut >= begin && cut <= end + 1) inside.push_back(cut);
    EXPECT_THAT(inside, ElementsAre(begin, end, end + 1));
}

TEST(Freeze, OfFiftyLayersOfMobileNetV2IsKerasBlockFive) {
    // Keras: model.layers[49] is block_5_depthwise_BN, in the identity block that begins with layer 46.
    const LayerGraph graph = graph_of("mobilenet_v2");
    EXPECT_FALSE(resolve_freeze(graph, "all").trains_batch_norm);
    const FreezeDepth depth = resolve_freeze(graph, "50");
    EXPECT_TRUE(depth.trains_batch_norm);
    EXPECT_EQ(depth.frozen_layers, 50);
    EXPECT_THAT(keras_layer_list(as_keras_builds("keras_mobilenet_v2")).at(49), HasSubstr(" block_5_depthwise_BN "));
    EXPECT_EQ(graph.layers[49].block, "features.6");  // torchvision counts the first convolution as block 0
    EXPECT_EQ(graph.layers[depth.cut - 1].name, "features.5.add");
}

TEST(Freeze, TakesWordsNumbersPercentagesAndNames) {
    const LayerGraph graph = graph_of("resnet50");
    const auto frozen = [&](const char* freeze) { return resolve_freeze(graph, freeze).frozen_layers; };
    EXPECT_EQ(frozen("all"), 175);
    EXPECT_EQ(frozen("175"), 175);
    EXPECT_EQ(frozen("-20"), 155);  // Keras' layers[:-20]
    EXPECT_EQ(frozen("100%"), 175);
    EXPECT_EQ(frozen("80%"), 140);
    EXPECT_EQ(frozen("12.5%"), 21);
    EXPECT_EQ(frozen("input"), 1);
    EXPECT_EQ(frozen("conv1"), graph.find("conv1") + 1);
    EXPECT_EQ(frozen("stem"), graph.find("maxpool") + 1);
    EXPECT_EQ(frozen("layer3.0"), graph.find("layer3.0.out") + 1);
    EXPECT_EQ(frozen("layer3"), graph.find("layer3.5.out") + 1);
    EXPECT_EQ(frozen("layer3.0.downsample"), graph.find("layer3.0.downsample.1") + 1);
}

TEST(Freeze, OfNothingHasNoCut) {
    for (const char* freeze : {"none", "0", "0%"}) {
        const FreezeDepth depth = resolve_freeze(graph_of("resnet18"), freeze);
        EXPECT_EQ(depth.frozen_layers, 0) << freeze;
        EXPECT_EQ(depth.cut, 0) << freeze;
    }
}

TEST(Freeze, CutsAtTheDepthItselfInAChainButNotBetweenAConvolutionAndItsActivation) {
    const LayerGraph graph = graph_of("alexnet");
    ASSERT_EQ(graph.layers[3].kind, LayerKind::max_pool);
    ASSERT_EQ(graph.layers[4].kind, LayerKind::conv);
    EXPECT_EQ(resolve_freeze(graph, "4").cut, 4);
    EXPECT_EQ(resolve_freeze(graph, "5").frozen_layers, 5);
    EXPECT_EQ(resolve_freeze(graph, "5").cut, 4);
    EXPECT_EQ(resolve_freeze(graph, "6").cut, 6);
}

TEST(Freeze, OfAllCutsAtTheEndOfTheBase) {
    for (const std::string& name : all_names()) {
        const LayerGraph graph = graph_of(name);
        EXPECT_EQ(resolve_freeze(graph, "all").cut, graph.top_begin) << name;
    }
}

TEST(Freeze, DoesNotTakeABlockForAnotherWithALongerNumber) {
    const LayerGraph graph = graph_of("mobilenet_v2");
    EXPECT_EQ(resolve_freeze(graph, "features.1").frozen_layers, graph.find("features.1.conv.2") + 1);
}

TEST(Freeze, OfTooManyLayersIsAnsweredWithHowManyThereAre) {
    const LayerGraph graph = graph_of("mobilenet_v2");
    EXPECT_THAT(error_of(graph, "155"), HasSubstr("154"));
    EXPECT_THAT(error_of(graph, "99999999999999999999"), HasSubstr("154"));
}

TEST(Freeze, OfAnUnknownNameIsAnsweredWithTheNearest) {
    EXPECT_THAT(error_of(graph_of("resnet50"), "layer5"), HasSubstr("did you mean 'layer"));
    EXPECT_THAT(error_of(graph_of("mobilenet_v2"), "feature.14"), HasSubstr("did you mean 'features.14'?"));
    EXPECT_THAT(error_of(graph_of("mobilenet_v2"), "al"), HasSubstr("did you mean 'all'?"));
}

TEST(Freeze, OfTheClassifierIsRefused) {
    EXPECT_THAT(error_of(graph_of("alexnet"), "classifier.1"), HasSubstr("classifier of alexnet"));
    EXPECT_THAT(error_of(graph_of("resnet50"), "fc"), HasSubstr("layer4.2.out"));
}

TEST(Freeze, OfNonsenseIsRefused) {
    const LayerGraph graph = graph_of("resnet18");
    for (const char* freeze :
         {"", "--1", "-176", "-", "101%", "-1%", "%", "nan%", "1e1%", "5 0", "3.5", "layer3.", ".", "All", "top"})
        EXPECT_THAT(error_of(graph, freeze), HasSubstr("freeze: ")) << freeze;
}

TEST(Freeze, TakesKerasNamesOfLayersToo) {
    const LayerGraph graph = graph_of("vgg16");
    EXPECT_EQ(resolve_freeze(graph, "block5_conv3").frozen_layers, graph.find("features.29") + 1) << "with its ReLU";
    EXPECT_EQ(resolve_freeze(graph, "block4_pool").cut, graph.find("features.23") + 1);
    EXPECT_THAT(error_of(graph, "block5_conv4"), HasSubstr("did you mean 'block5_conv"));
}

std::string until_error(const LayerGraph& graph, const std::string& until) {
    try {
        resolve_until(graph, until);
    } catch (const UserError& error) {
        return error.what();
    }
    return "";
}

/// Chollet's cats and dogs notebook: InceptionV3 at 150 pixels up to mixed7.
TEST(Until, Mixed7OfInceptionV3Is7x7x768At150Pixels) {
    const LayerGraph whole = graph_of("keras_inception_v3", 150);
    const LayerGraph graph = cut_off(whole, resolve_until(whole, "mixed7"));
    EXPECT_EQ(graph.base_output(), (Shape{768, 7, 7}));
    EXPECT_EQ(graph.layers[graph.top_begin - 1].name, "mixed7");
    EXPECT_EQ(counted(graph, graph.top_begin), 229) << "in Keras model.layers[228] is mixed7";
    EXPECT_EQ(resolve_freeze(graph, "all").cut, graph.top_begin);
    EXPECT_EQ(resolve_freeze(graph, "100%").frozen_layers, graph.top_begin);
    EXPECT_THAT(error_of(graph, "mixed8"), AllOf(HasSubstr("'mixed7'"), HasSubstr("`until` cuts the base off")));
    EXPECT_THAT(error_of(graph, "230"), HasSubstr("229"));
}

TEST(Until, LeavesTheCutsBeforeItAsTheyAre) {
    for (const char* name : {"keras_inception_v3", "mobilenet_v2", "resnet50", "vgg16_bn"}) {
        const LayerGraph whole = graph_of(name);
        const std::vector<int> all = tap_cuts(whole);
        for (const int end : all) {
            if (end == 1) continue;
            const std::vector<int> expected(all.begin(), std::upper_bound(all.begin(), all.end(), end));
            EXPECT_EQ(tap_cuts(cut_off(whole, end)), expected) << name << " until " << end;
        }
    }
}

TEST(Until, OfTheWholeBaseIsNone) {
    const LayerGraph graph = graph_of("vgg16");
    for (const char* until : {"", "none", "block5_pool", "features.30", "block5", "features"})
        EXPECT_EQ(resolve_until(graph, until), 0) << until;
    EXPECT_EQ(resolve_until(graph, "block5_conv3"), graph.find("features.29") + 1);
    EXPECT_EQ(resolve_until(graph, "block4"), graph.find("features.23") + 1);
}

TEST(Until, WhereTheBaseCannotEndSaysWhyAndWhereItCan) {
    const LayerGraph inception = graph_of("keras_inception_v3"), resnet = graph_of("resnet50");
    EXPECT_THAT(until_error(inception, "mixed77"), HasSubstr("did you mean 'mixed7'?"));
    EXPECT_LT(until_error(inception, "mixed77").size(), 200u);
    EXPECT_THAT(until_error(resnet, "layer2.1.conv1"),
                AllOf(HasSubstr("more than one tensor crosses there"), HasSubstr("'layer2.0.out' or 'layer2.1.out'")));
    EXPECT_THAT(until_error(resnet, "conv1"), HasSubstr("the layer behind it belongs to it"));
    EXPECT_THAT(until_error(resnet, "input"), HasSubstr("no layer is before it"));
    EXPECT_THAT(until_error(resnet, "fc"), HasSubstr("classifier of resnet50"));
    EXPECT_THAT(until_error(resnet, "layer9"), HasSubstr("did you mean 'layer"));
}

TEST(BackbonesTable, HasARowForEveryBackbone) {
    Table table = backbones_table();
    sort_rows(table, "top-1", true);
    const std::string text = to_text(table);
    for (const std::string& name : all_names()) EXPECT_THAT(text, HasSubstr("\n" + name + " "));
    EXPECT_THAT(text, testing::ContainsRegex("resnet50 +ResNet +224 +175 +[0-9]+ +102 +25,610,152 +23,561,152 +8.2"));
    EXPECT_LT(text.find("\nresnet50 "), text.find("\nalexnet "));
}

TEST(BackboneSummary, HasKerasTotals) {
    const std::string text = backbone_summary(graph_of("mobilenet_v2"), "");
    EXPECT_THAT(text, testing::ContainsRegex("parameters +2,257,984 +3,538,984\n"));
    EXPECT_THAT(text, testing::ContainsRegex(" trainable +2,223,872 +3,504,872\n"));
    EXPECT_THAT(text, testing::ContainsRegex("non-trainable +34,112 +34,112\n"));
    EXPECT_THAT(text, Not(HasSubstr("frozen")));
}

TEST(BackboneSummary, MarksFrozenLayersAndCuts) {
    const std::string text = backbone_summary(graph_of("mobilenet_v2"), "features.1");
    EXPECT_THAT(text, testing::ContainsRegex("\n *9 +features.1.conv.2 +batch norm +16 x 112 x 112 .*cut +frozen\n"));
    EXPECT_THAT(text, testing::ContainsRegex("\n *10 +features.2.conv.0.0 +conv 1x1 .*cut\n"));
}

TEST(BackboneSummary, RefusesAnUnknownFreeze) {
    EXPECT_THROW(backbone_summary(graph_of("resnet18"), "layer9"), UserError);
}

}  // namespace
}  // namespace thaw
