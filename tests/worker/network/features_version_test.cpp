// Cached features are used by later builds: where one computes other bits, their version has to be another.
#include "common/backbones/features_version.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/backbones/backbones.hpp"
#include "common/util/fingerprint.hpp"
#include "worker/network/batch_norm_kernel.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/network/random_tensors.hpp"

namespace thaw {
namespace {

constexpr int kPixels = 64;

/// Sums are rounded in another order where a processor has other registers and caches.
std::string executor_and_processor() {
    std::ifstream cpuinfo("/proc/cpuinfo");
    std::string line, model = "unknown processor";
    while (std::getline(cpuinfo, line))
        if (line.starts_with("model name")) model = line.substr(line.find(':') + 2);
    return frozen_back_end() + ", " + usable_batch_norm_kernels<float>().front().instruction_set + ", " + model;
}

/// Of some backbones under random weights: their maps in the middle and at the end.
std::string digest_of_features() {
    std::vector<std::uint8_t> image(kPixels * kPixels * 3);
    for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint8_t>(i * 2654435761U >> 13);
    Fingerprint bits;
    for (const char* backbone : {"mobilenet_v2", "resnet18", "densenet121", "squeezenet1_1", "efficientnet_b0"}) {
        const LayerGraph graph = build_backbone(backbone, kPixels, PaddingStyle::symmetric);
        const std::vector<int> cuts = tap_cuts(graph);
        const std::vector<Tap> taps = {{cuts[cuts.size() / 2], false}, {graph.top_begin, true, Pooling::average}};
        const auto network = make_frozen_network(graph, random_tensors(graph, 1), find_preprocessing("torch"), taps);
        std::vector<std::vector<float>> features;
        std::vector<float*> outputs;
        for (const Tap& tap : taps)
            outputs.push_back(features.emplace_back(static_cast<std::size_t>(tap_elements(graph, tap))).data());
        network->run(image.data(), 1, outputs);
        for (const std::vector<float>& of_tap : features)
            bits.add({reinterpret_cast<const char*>(of_tap.data()), of_tap.size() * sizeof(float)});
    }
    return bits.hex();
}

TEST(FeaturesVersion, IsRaisedWhereBitsChange) {
    std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/worker/network/golden/feature_bits.json");
    const auto golden = nlohmann::json::parse(file);
    const std::string here = executor_and_processor(), digest = digest_of_features();
    ASSERT_TRUE(golden.contains(kFeaturesVersion)) << "add, for " << here << ": " << digest;
    const auto& known = golden.at(kFeaturesVersion);
    if (!known.contains(here)) GTEST_SKIP() << "nothing is known of this machine; add, for " << here << ": " << digest;
    EXPECT_EQ(digest, known.at(here)) << "features have other bits: raise kFeaturesVersion";
}

}  // namespace
}  // namespace thaw
