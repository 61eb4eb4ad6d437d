// The frozen executor of this build against TorchNetwork, and the promise that company changes no bit.
#include "worker/network/frozen_network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <numeric>
#include <thread>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "tests/worker/network/filled_tensors.hpp"
#include "worker/torch/torch_network.hpp"

namespace thaw {
namespace {

using Features = std::vector<std::vector<float>>;  // one vector a tap, [count, elements]

const Preprocessing& preprocessing() {
    static const Preprocessing uneven{
        .name = "x", .mean = {123.7, 116.3, 103.5}, .deviation = {58.4, 57.1, 57.4}, .bgr = true};
    return uneven;
}

Features run_frozen(const FrozenNetwork& network, const LayerGraph& graph, const std::vector<Tap>& taps,
                    const std::uint8_t* images, int count) {
    Features features;
    std::vector<float*> outputs;
    for (const Tap& tap : taps)
        outputs.push_back(
            features.emplace_back(static_cast<std::size_t>(count * tap_elements(graph, tap)), -999.0F).data());
    network.run(images, count, outputs);
    return features;
}

/// The part of image `at` of a tap's output.
std::vector<float> of_image(const std::vector<float>& features, int count, int at) {
    const std::ptrdiff_t elements = static_cast<std::ptrdiff_t>(features.size()) / count;
    return {features.begin() + at * elements, features.begin() + (at + 1) * elements};
}

std::vector<Tap> all_kinds_at(int cut) {
    return {{cut, false}, {cut, true, Pooling::average}, {cut, true, Pooling::max}, {cut, true, Pooling::flatten}};
}

struct FrozenCase {
    std::string backbone;
    int image_size;
    PaddingStyle padding;
};

/// A backbone without its classifier, whose millions of parameters frozen passes have no use for.
LayerGraph build_base(const std::string& backbone, int image_size, PaddingStyle padding) {
    LayerGraph graph = build_backbone(backbone, image_size, padding);
    graph.layers.resize(static_cast<std::size_t>(graph.top_begin));
    return graph;
}

/// torchvision's networks but MobileNetV2 are padded alike in either style. Keras' are in keras_outputs_test.cpp.
std::vector<FrozenCase> all_cases() {
    std::vector<FrozenCase> cases;
    for (const BackboneInfo& backbone : backbones())
        for (const int size : {64, 75}) {
            const bool keras = backbone.reference == "keras" && backbone.name != "mobilenet_v1";
            if (keras || size < backbone.smallest_image_size) continue;
            cases.push_back({backbone.name, size, PaddingStyle::symmetric});
            if (backbone.reference == "torchvision" && backbone.name != "mobilenet_v2") continue;
            cases.push_back({backbone.name, size, PaddingStyle::tensorflow});
        }
    return cases;
}

/// Of the largest magnitude. LibTorch's float32 is off by up to 1.6e-4 itself (efficientnet_lite1, 75 px).
constexpr double kTolerance = 3e-4;

class FrozenBackbone : public testing::TestWithParam<FrozenCase> {
  protected:
    static constexpr int kCount = 2;
    const LayerGraph graph_ = build_base(GetParam().backbone, GetParam().image_size, GetParam().padding);
    const TensorMap tensors_ = filled_tensors(graph_);
    const std::vector<std::uint8_t> images_ = random_images(kCount, GetParam().image_size);

    void expect_like_reference(const std::vector<Tap>& taps, const std::vector<torch::Tensor>& maps) {
        const auto network = make_frozen_network(graph_, tensors_, preprocessing(), taps);
        const Features found = run_frozen(*network, graph_, taps, images_.data(), kCount);
        for (std::size_t i = 0; i < taps.size(); ++i) {
            const torch::Tensor expected = taps[i].pooled ? pool(maps[i], taps[i].pooling) : maps[i].flatten(1);
            ASSERT_EQ(expected.numel(), static_cast<std::int64_t>(found[i].size()));
            const torch::Tensor got = torch::tensor(found[i]).view(expected.sizes());
            const double deviation = (got - expected).abs().max().item<double>() / expected.abs().max().item<double>();
            largest_deviation_ = std::max(largest_deviation_, deviation);
            ASSERT_LT(deviation, kTolerance) << "tap " << i << " at cut " << taps[i].cut << ", "
                                             << graph_.layers[static_cast<std::size_t>(taps[i].cut - 1)].name;
        }
    }

    double largest_deviation_ = 0;
};

TEST_P(FrozenBackbone, EqualsTorchNetworkInFloat64AtEveryCutAndWithTheLastCutAlone) {
    std::vector<Tap> taps;
    for (const int cut : cuts(graph_))
        for (const Tap& tap : all_kinds_at(cut)) taps.push_back(tap);
    std::vector<int> at;
    for (const Tap& tap : taps) at.push_back(tap.cut);
    TorchNetwork reference(graph_, 0, graph_.top_begin, graph_.top_begin, tensors_, torch::kFloat64);
    const torch::InferenceMode inference;
    const auto maps = reference.outputs_at(
        preprocess(images_.data(), kCount, graph_.image_size, preprocessing(), torch::kFloat64), at);
    expect_like_reference(taps, maps);
    for (const Tap& alone : all_kinds_at(graph_.top_begin)) expect_like_reference({alone}, {maps.back()});
    RecordProperty("largest_deviation", std::to_string(largest_deviation_ * 1e6) + "e-6");
}

INSTANTIATE_TEST_SUITE_P(All, FrozenBackbone, testing::ValuesIn(all_cases()), [](const auto& tested) {
    return tested.param.backbone + "_" + std::to_string(tested.param.image_size) + "_" +
           to_string(tested.param.padding);
});

class FrozenNetworkInCompany : public testing::TestWithParam<std::string> {
  protected:
    static constexpr int kSize = 75;
    const LayerGraph graph_ = build_base(GetParam(), kSize, PaddingStyle::symmetric);
    const std::vector<Tap> taps_ = {{cuts(graph_)[cuts(graph_).size() / 2], false},
                                    {graph_.top_begin, true, Pooling::average}};
    const std::unique_ptr<FrozenNetwork> network_ =
        make_frozen_network(graph_, filled_tensors(graph_), preprocessing(), taps_);
    const std::vector<std::uint8_t> images_ = random_images(kCanonicalBatch, kSize);
    const Features full_ = run_frozen(*network_, graph_, taps_, images_.data(), kCanonicalBatch);

    /// The images numbered `order`, in that order.
    std::vector<std::uint8_t> pick(const std::vector<int>& order) const {
        constexpr int kBytes = kSize * kSize * 3;
        std::vector<std::uint8_t> picked;
        for (const int image : order)
            picked.insert(picked.end(), images_.begin() + image * kBytes, images_.begin() + (image + 1) * kBytes);
        return picked;
    }

    void expect_same_bits(const std::vector<int>& order) const {
        const int count = static_cast<int>(order.size());
        const Features found = run_frozen(*network_, graph_, taps_, pick(order).data(), count);
        for (std::size_t tap = 0; tap < taps_.size(); ++tap)
            for (int i = 0; i < count; ++i) {
                const int image = order[static_cast<std::size_t>(i)];
                const bool equal = of_image(found[tap], count, i) == of_image(full_[tap], kCanonicalBatch, image);
                ASSERT_TRUE(equal) << "tap " << tap << ", image " << image << " at " << i << " of " << count;
            }
    }
};

TEST_P(FrozenNetworkInCompany, ABatchOfAnyCountGivesTheSameBits) {
    std::vector<int> order;
    for (int i = 0; i < kCanonicalBatch; ++i) {
        order.push_back(i);
        expect_same_bits(order);
    }
}

TEST_P(FrozenNetworkInCompany, AnImageHasTheSameBitsAtAnyPositionBesideAnyNeighbours) {
    for (std::uint64_t i = 0; i < 4; ++i)
        expect_same_bits(permutation(CounterRandom(1, "order", {i}), kCanonicalBatch));
    expect_same_bits(std::vector<int>(kCanonicalBatch, 1));
    expect_same_bits({kCanonicalBatch - 1, 0, 0});
}

TEST_P(FrozenNetworkInCompany, ThreadsAtOnceGiveTheSameBits) {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 3; ++t)
        threads.emplace_back([this, t] {
            for (std::uint64_t i = 0; i < 2; ++i)
                expect_same_bits(permutation(CounterRandom(2 + t, "order", {i}), kCanonicalBatch));
        });
}

INSTANTIATE_TEST_SUITE_P(Families, FrozenNetworkInCompany,
                         testing::Values("alexnet", "densenet121", "efficientnet_lite0", "inception_v3", "mobilenet_v2",
                                         "mobilenet_v3_small", "resnet18", "squeezenet1_0", "vgg11"),
                         [](const auto& tested) { return tested.param; });

/// Rows of features may be made again, one image at a time, long after the others.
class FrozenNetworkAnywhere : public testing::TestWithParam<std::string> {
  protected:
    static constexpr int kSize = 75;  // the smallest that all of them take
    const LayerGraph graph_ = build_base(GetParam(), kSize, PaddingStyle::symmetric);
    const std::vector<std::uint8_t> images_ = random_images(1 + 2 * kCanonicalBatch, kSize);

    /// Image 0 at `position`, the rest are others, not the same ones for every position and count.
    std::vector<std::uint8_t> batch(int position, int count) const {
        constexpr int kBytes = kSize * kSize * 3;
        std::vector<std::uint8_t> picked;
        for (int i = 0; i < count; ++i) {
            const int image = i == position ? 0 : 1 + (3 * position + 5 * count + i) % (2 * kCanonicalBatch);
            picked.insert(picked.end(), images_.begin() + image * kBytes, images_.begin() + (image + 1) * kBytes);
        }
        return picked;
    }
};

TEST_P(FrozenNetworkAnywhere, AnImageHasTheSameBitsAtEveryTapAtEveryPositionOfEveryPartialBatch) {
    std::vector<Tap> taps = {{graph_.top_begin, true, Pooling::average}, {graph_.top_begin, true, Pooling::max}};
    for (const int cut : tap_cuts(graph_)) taps.push_back({cut, false});
    const auto network = make_frozen_network(graph_, filled_tensors(graph_), preprocessing(), taps);
    const Features alone = run_frozen(*network, graph_, taps, images_.data(), 1);
    for (int count = 1; count <= kCanonicalBatch; ++count)
        for (int position = 0; position < count; ++position) {
            const Features found = run_frozen(*network, graph_, taps, batch(position, count).data(), count);
            for (std::size_t tap = 0; tap < taps.size(); ++tap)
                ASSERT_TRUE(of_image(found[tap], count, position) == alone[tap])
                    << "cut " << taps[tap].cut << ", position " << position << " of " << count;
        }
}

/// Of Keras' networks those with layers of kinds that the others lack.
std::vector<std::string> backbone_names() {
    std::vector<std::string> names = {"efficientnet_b0", "nasnet_mobile", "resnet50v2"};
    for (const BackboneInfo& backbone : backbones())
        if (backbone.reference != "keras" || backbone.name == "mobilenet_v1") names.push_back(backbone.name);
    return names;
}

INSTANTIATE_TEST_SUITE_P(All, FrozenNetworkAnywhere, testing::ValuesIn(backbone_names()),
                         [](const auto& tested) { return tested.param; });

/// The bits at tap `at` of a pass with all of `taps`, against those of a pass with that tap alone.
bool same_bits_alone(const LayerGraph& graph, const std::vector<Tap>& taps, std::size_t at) {
    const TensorMap tensors = filled_tensors(graph);
    const auto images = random_images(2, graph.image_size);
    const auto run_with = [&](const std::vector<Tap>& kept) {
        return run_frozen(*make_frozen_network(graph, tensors, preprocessing(), kept), graph, kept, images.data(), 2);
    };
    return run_with(taps)[at] == run_with({taps[at]})[0];
}

/// So that sharing a pass among trials changes none of them.
TEST(FrozenNetwork, ATapHasTheSameBitsAloneAsAmongAllOthers) {
    for (const char* backbone : {"alexnet", "densenet121", "efficientnet_lite0", "inception_v3", "mobilenet_v1",
                                 "mobilenet_v2", "mobilenet_v3_small", "resnet18", "squeezenet1_0", "vgg11_bn",
                                 "efficientnet_b0", "inception_resnet_v2", "resnet50v2", "xception"}) {
        const LayerGraph graph = build_base(backbone, 75, PaddingStyle::tensorflow);
        std::vector<Tap> taps;
        for (const int cut : tap_cuts(graph)) taps.push_back({cut, false});
        for (const std::size_t at : {taps.size() / 3, taps.size() - 1})
            EXPECT_TRUE(same_bits_alone(graph, taps, at)) << backbone << ", cut " << taps[at].cut;
    }
}

TEST(FrozenNetwork, TheInputLayerIsACutAsWell) {
    const LayerGraph graph = build_backbone("mobilenet_v2", 32, PaddingStyle::symmetric, 10);
    const std::vector<Tap> taps = {{1, false}};
    const auto network = make_frozen_network(graph, filled_tensors(graph), preprocessing(), taps);
    const auto images = random_images(3, 32);
    const torch::Tensor expected = preprocess(images.data(), 3, 32, preprocessing()).flatten();
    EXPECT_TRUE(torch::equal(torch::tensor(run_frozen(*network, graph, taps, images.data(), 3)[0]), expected));
}

TEST(FrozenNetwork, NamesItsBackEndAndVersion) {
    EXPECT_THAT(frozen_back_end(), testing::MatchesRegex("(oneDNN|libtorch) [0-9]+\\.[0-9]+"));
}

TEST(FrozenPrecision, NarrowFeaturesHaveAnotherBackEndsName) {
    EXPECT_EQ(frozen_back_end(Precision::bfloat16), frozen_back_end() + " bf16");
}

TEST(FrozenPrecision, IsRefusedByNameWhereTheMachineHasNoSuchArithmetic) {
    EXPECT_NO_THROW(check_supported(Precision::float32));
    if (supports(Precision::bfloat16)) GTEST_SKIP() << "this machine has bf16 arithmetic";
    const LayerGraph graph = build_backbone("mobilenet_v2", 32, PaddingStyle::symmetric, 10);
    EXPECT_THAT(
        [&] {
            make_frozen_network(graph, filled_tensors(graph), preprocessing(), {{1, false}}, Precision::bfloat16);
        },
        testing::ThrowsMessage<UserError>(testing::AllOf(testing::HasSubstr("precision bf16"),
                                                         testing::HasSubstr("AVX512-BF16 or AMX"),
                                                         testing::HasSubstr("write `precision: fp32`"))));
}

/// (Through MobileNetV2's 52 layers without widening sums in between, bf16 deviates by some 8 % in any framework.)
TEST(FrozenPrecision, Bf16FeaturesAreWithinAHundredthOfFp32s) {
    if (!supports(Precision::bfloat16)) GTEST_SKIP() << "this machine has no bf16 arithmetic (AVX512-BF16 or AMX)";
    for (const char* backbone : {"alexnet", "resnet18"}) {
        const LayerGraph graph = build_backbone(backbone, 64, PaddingStyle::symmetric, 10);
        const TensorMap tensors = filled_tensors(graph);
        const std::vector<Tap> taps = {{graph.top_begin, true, Pooling::average}};
        const auto images = random_images(kCanonicalBatch, 64);
        const auto features = [&](Precision precision) {
            const auto network = make_frozen_network(graph, tensors, preprocessing(), taps, precision);
            return torch::tensor(run_frozen(*network, graph, taps, images.data(), kCanonicalBatch)[0]);
        };
        const torch::Tensor wide = features(Precision::float32), narrow = features(Precision::bfloat16);
        EXPECT_LT((narrow - wide).norm().item<double>(), 1e-2 * wide.norm().item<double>()) << backbone;
        EXPECT_FALSE(torch::equal(narrow, wide)) << backbone;
    }
}

}  // namespace
}  // namespace thaw
