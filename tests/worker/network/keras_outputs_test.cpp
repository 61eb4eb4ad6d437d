// Keras' networks against Keras' outputs, in both executors: golden/keras/NAME.txt, by tests/parity/keras_outputs.py.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <map>
#include <sstream>

#include "common/backbones/backbones.hpp"
#include "tests/worker/network/filled_tensors.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/torch/torch_network.hpp"

namespace thaw {
namespace {

struct Golden {
    int image_size = 0;
    float gain = 1;  // of the weights of convolutions and dense layers
    Preprocessing preprocessing{.name = "golden"};
    std::map<std::string, std::vector<double>>
        outputs;  // mean, norm, largest magnitude and middle value by Keras' name
};

Golden read_golden(const std::string& network) {
    std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/worker/network/golden/keras/" + network + ".txt");
    EXPECT_TRUE(file) << "no golden file for " << network;
    Golden golden;
    for (std::string text; std::getline(file, text);) {
        std::istringstream line(text);
        std::string name;
        line >> name;
        if (name == "#") continue;
        if (name == "network") {
            double mean = 0, deviation = 1;
            line >> golden.image_size >> golden.gain >> mean >> deviation;
            std::fill_n(golden.preprocessing.mean, 3, mean);
            std::fill_n(golden.preprocessing.deviation, 3, deviation);
        } else {
            golden.outputs[name] = {std::istream_iterator<double>(line), {}};
        }
    }
    return golden;
}

/// Without its top where Keras' was run without: VGG's takes one size of image only.
LayerGraph build_graph(const std::string& network, const Golden& golden) {
    LayerGraph graph = build_backbone(network, golden.image_size, PaddingStyle::tensorflow);
    if (network.starts_with("vgg")) graph.layers.resize(static_cast<std::size_t>(graph.top_begin));
    return graph;
}

std::vector<double> mean_norm_and_extremes(const torch::Tensor& tensor) {
    const torch::Tensor values = tensor.flatten();
    return {values.mean().item<double>(), values.norm().item<double>(), values.abs().max().item<double>(),
            values[values.numel() / 2].item<double>()};
}

/// The largest difference, of the largest magnitude.
double deviation(const torch::Tensor& found, const torch::Tensor& expected) {
    return ((found.to(torch::kFloat64).view(expected.sizes()) - expected).abs().max() / expected.abs().max())
        .item<double>();
}

/// The largest differences allowed, of the largest magnitude: in float32, and in float64 from Keras, whose batch-norms
/// round to float32 there, too.
constexpr double kFloat32 = 1e-4, kFloat64 = 2e-6;

class KerasOutputs : public testing::TestWithParam<std::string> {
  protected:
    KerasOutputs() {
        for (auto& [name, tensor] : tensors_)
            if (tensor.shape.size() > 1)
                for (float& value : tensor.values) value *= golden_.gain;
        const int all = static_cast<int>(graph_.layers.size());
        for (int i = 0; i < all; ++i)
            if (golden_.outputs.contains(layer(i).keras) && !continues_counted_layer(graph_, i + 1))
                kept_.push_back(i + 1);
    }

    const Layer& layer(int index) const { return graph_.layers[static_cast<std::size_t>(index)]; }

    std::vector<torch::Tensor> outputs(torch::Dtype dtype) const {
        const int all = static_cast<int>(graph_.layers.size());
        TorchNetwork network(graph_, 0, all, all, tensors_, dtype);
        return network.outputs_at(preprocess(images_.data(), 1, golden_.image_size, golden_.preprocessing, dtype),
                                  kept_);
    }

    /// The frozen executor with all of these cuts kept at once.
    void expect_frozen(const std::vector<int>& cuts, const std::map<int, torch::Tensor>& expected) const {
        std::vector<Tap> taps;
        std::vector<std::vector<float>> found;
        std::vector<float*> places;
        for (const int cut : cuts) taps.push_back({cut, false});
        for (const Tap& tap : taps) {
            found.emplace_back(static_cast<std::size_t>(tap_elements(graph_, tap)));
            places.push_back(found.back().data());
        }
        make_frozen_network(graph_, tensors_, golden_.preprocessing, taps)->run(images_.data(), 1, places);
        for (std::size_t i = 0; i < cuts.size(); ++i)
            EXPECT_LT(deviation(torch::tensor(found[i]), expected.at(cuts[i])), kFloat32)
                << "frozen, " << layer(cuts[i] - 1).name;
    }

    const Golden golden_ = read_golden(GetParam());
    const LayerGraph graph_ = build_graph(GetParam(), golden_);
    TensorMap tensors_ = filled_tensors(graph_);
    const std::vector<std::uint8_t> images_ = random_images(1, golden_.image_size);
    std::vector<int> kept_;  // layer counts: every cut of the base and what Keras' top has
};

/// That it is Keras' is shown by four numbers of each tensor in float64; float32 then is compared number by number.
TEST_P(KerasOutputs, AreThawsAtEveryCutInBothExecutors) {
    const torch::InferenceMode inference;
    const std::vector<torch::Tensor> exact = outputs(torch::kFloat64), rounded = outputs(torch::kFloat32);
    std::map<int, torch::Tensor> by_cut;
    double largest_deviation = 0, largest_from_keras = 0;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
        const Layer& here = layer(kept_[i] - 1);
        by_cut[kept_[i]] = exact[i];
        const std::vector<double> found = mean_norm_and_extremes(exact[i]), &expected = golden_.outputs.at(here.keras);
        for (std::size_t k = 0; k < expected.size(); ++k) {
            const double from_keras = std::abs(found[k] - expected[k]) / (k == 1 ? expected[1] : expected[2]);
            largest_from_keras = std::max(largest_from_keras, from_keras);
            ASSERT_LT(from_keras, kFloat64) << "number " << k << " of " << here.name;
        }
        largest_deviation = std::max(largest_deviation, deviation(rounded[i], exact[i]));
        ASSERT_LT(deviation(rounded[i], exact[i]), kFloat32) << here.name;
    }
    std::vector<int> taps;
    for (const int cut : cuts(graph_))
        if (by_cut.contains(cut)) taps.push_back(cut);
    expect_frozen(taps, by_cut);
    expect_frozen({graph_.top_begin}, by_cut);
    RecordProperty("largest_deviation_from_keras", std::to_string(largest_from_keras * 1e9) + "e-9");
    RecordProperty("largest_deviation", std::to_string(largest_deviation * 1e6) + "e-6");
}

TEST(KerasTraining, TrainsEveryTensorButTheInputNormalizations) {
    for (const auto& [network, size] : {std::pair{"efficientnet_b0", 32}, {"keras_inception_v3", 75}}) {
        LayerGraph graph = build_backbone(network, size, PaddingStyle::tensorflow);
        graph.layers.resize(static_cast<std::size_t>(graph.top_begin));
        const TensorMap tensors = filled_tensors(graph);
        const auto trained = TorchNetwork(graph, 0, graph.top_begin, 0, tensors).trained_tensors();
        for (const auto& [name, tensor] : trained) EXPECT_TRUE(tensors.contains(name)) << name;
        const std::size_t fixed = graph.find("normalization") < 0 ? 0 : 2;
        EXPECT_EQ(trained.size(), tensors.size() - fixed) << network;
    }
}

std::vector<std::string> networks() {
    std::vector<std::string> names = {"vgg16", "vgg19"};  // torchvision's, and the same in Keras
    for (const BackboneInfo& info : backbones())
        if (info.reference == "keras") names.push_back(info.name);
    return names;
}
TEST(KerasOutputsGolden, HasEveryCutOfEveryNetwork) {
    for (const std::string& network : networks()) {
        const Golden golden = read_golden(network);
        const LayerGraph graph = build_graph(network, golden);
        for (const int cut : cuts(graph)) {
            const std::string& name = graph.layers[static_cast<std::size_t>(cut - 1)].keras;
            EXPECT_TRUE(continues_counted_layer(graph, cut) || golden.outputs.contains(name)) << network << " " << name;
        }
        if (network.starts_with("vgg")) continue;
        EXPECT_TRUE(golden.outputs.contains(graph.layers.back().keras)) << network << " has no top";
    }
}

INSTANTIATE_TEST_SUITE_P(All, KerasOutputs, testing::ValuesIn(networks()), [](const auto& test) { return test.param; });

}  // namespace
}  // namespace thaw
