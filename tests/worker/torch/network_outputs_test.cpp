// TorchNetwork against networks not written by us: golden/network_outputs.safetensors, by
// tests/parity/network_outputs.py.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/backbones/backbones.hpp"
#include "tests/worker/network/filled_tensors.hpp"
#include "worker/torch/torch_network.hpp"

namespace thaw {
namespace {

constexpr int kClasses = 10;

struct GoldenCase {
    std::string backbone;
    PaddingStyle padding;
    int image_size;
    std::vector<std::array<double, 6>> outputs;

    GoldenCase(std::string name, PaddingStyle style, int size, std::size_t rows)
        : backbone(std::move(name)), padding(style), image_size(size), outputs(rows) {}
};

/// A safetensors file of float64 (the reader of weights makes all float32): a row of NaNs is one of nothing.
std::vector<GoldenCase> read_cases(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::uint64_t length = 0;
    file.read(reinterpret_cast<char*>(&length), sizeof length);
    std::string header(length, ' ');
    file.read(header.data(), static_cast<std::streamsize>(length));
    const std::streamoff data = file.tellg();
    std::vector<GoldenCase> cases;
    const nlohmann::json places = nlohmann::json::parse(header);
    for (const auto& [name, entry] : places.items()) {
        const std::size_t first = name.find('/'), second = name.rfind('/');
        GoldenCase one{name.substr(0, first), parse_padding_style(name.substr(first + 1, second - first - 1)),
                       std::stoi(name.substr(second + 1)), entry.at("shape").at(0)};
        file.seekg(data + entry.at("data_offsets").at(0).get<std::streamoff>());
        file.read(reinterpret_cast<char*>(one.outputs.data()),
                  static_cast<std::streamsize>(one.outputs.size() * sizeof one.outputs[0]));
        cases.push_back(std::move(one));
    }
    EXPECT_TRUE(file) << path;
    return cases;
}

const std::vector<GoldenCase>& golden_cases() {
    static const std::vector<GoldenCase> all =
        read_cases(THAW_SOURCE_DIR "/tests/worker/torch/golden/network_outputs.safetensors");
    return all;
}

/// The reference counts no inputs, explicit paddings, flattenings and dropouts.
bool counted(LayerKind kind) {
    return kind != LayerKind::input && kind != LayerKind::zero_pad && kind != LayerKind::flatten &&
           kind != LayerKind::dropout;
}

/// Where the first `cut` layers end in a zero_pad, the reference has nothing to compare with.
std::vector<int> comparable_cuts(const LayerGraph& graph) {
    std::vector<int> result;
    for (const int cut : cuts(graph))
        if (counted(graph.layers[static_cast<std::size_t>(cut - 1)].kind)) result.push_back(cut);
    result.push_back(static_cast<int>(graph.layers.size()));  // the logits
    return result;
}

std::vector<double> summary(const torch::Tensor& tensor) {
    const torch::Tensor values = tensor.to(torch::kFloat64).flatten();
    const auto value = [&](std::int64_t at) { return values[at].item<double>(); };
    return {values.mean().item<double>(), values.norm().item<double>(), values.abs().max().item<double>(), value(0),
            value(values.numel() / 3),    value(values.numel() - 1)};
}

class NetworkOutputs : public testing::TestWithParam<GoldenCase> {
  protected:
    void compare(torch::Dtype dtype, double tolerance) const {
        const GoldenCase& golden = GetParam();
        const LayerGraph graph = build_backbone(golden.backbone, golden.image_size, golden.padding, kClasses);
        const int last = static_cast<int>(graph.layers.size());
        TorchNetwork network(graph, 0, last, last, filled_tensors(graph), dtype);
        const std::int64_t size = golden.image_size;
        std::vector<float> image = uniform_within("image", static_cast<std::size_t>(3 * size * size), -2, 2);
        const std::vector<int> compared = comparable_cuts(graph);
        const torch::InferenceMode inference;
        const auto outputs = network.outputs_at(torch::from_blob(image.data(), {1, 3, size, size}).to(dtype), compared);
        double largest_deviation = 0;
        for (std::size_t i = 0; i < compared.size(); ++i) {
            const auto end = graph.layers.begin() + compared[i];
            const auto before =
                std::count_if(graph.layers.begin(), end, [](const Layer& l) { return counted(l.kind); });
            const std::array<double, 6>& expected = golden.outputs.at(static_cast<std::size_t>(before - 1));
            ASSERT_FALSE(std::isnan(expected[0])) << "the reference is not cut at layer " << (end - 1)->name;
            const std::vector<double> found = summary(outputs[i]);
            for (std::size_t k = 0; k < expected.size(); ++k) {
                const double scale = k == 1 ? expected[1] : expected[2];
                const double deviation = std::abs(found[k] - expected[k]) / scale;
                largest_deviation = std::max(largest_deviation, deviation);
                ASSERT_LT(deviation, tolerance) << "number " << k << " of layer " << (end - 1)->name;
            }
        }
        RecordProperty("largest_deviation", std::to_string(largest_deviation * 1e9) + "e-9");
    }
};

TEST_P(NetworkOutputs, EqualTheReferenceAtEveryCutInFloat64) {
    compare(torch::kFloat64, 1e-8);
}

TEST_P(NetworkOutputs, EqualTheReferenceAtEveryCutInFloat32) {
    compare(torch::kFloat32, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Backbones, NetworkOutputs, testing::ValuesIn(golden_cases()), [](const auto& tested) {
    return tested.param.backbone + "_" + to_string(tested.param.padding) + "_" +
           std::to_string(tested.param.image_size);
});

TEST(NetworkOutputsGolden, CoversEveryBackbone) {
    for (const BackboneInfo& backbone : backbones()) {
        if (backbone.reference == "keras") continue;  // those are in keras_outputs_test.cpp
        EXPECT_TRUE(std::any_of(golden_cases().begin(), golden_cases().end(), [&](const GoldenCase& golden) {
            return golden.backbone == backbone.name;
        })) << backbone.name;
    }
}

}  // namespace
}  // namespace thaw
