// Files that Keras and h5py wrote, in each of Keras' layouts: one network's tensors, bit for bit; hostile ones refused.
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/weights/fixtures.hpp"
#include "worker/weights/confined_child.hpp"
#include "worker/weights/fit_weights.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

/// The network of fixtures/make_keras_fixtures.py; a SeparableConv2D is two neighbours of one name.
LayerGraph fixture_graph(bool top = true) {
    LayerGraph graph;
    graph.backbone = "fixture";
    const auto add = [&](LayerKind kind, Shape output, const char* keras, const char* tensors = nullptr,
                         int kernel = 1) -> Layer& {
        Layer& layer = graph.layers.emplace_back();
        if (graph.layers.size() > 1) layer.inputs = {static_cast<int>(graph.layers.size()) - 2};
        layer.kind = kind;
        layer.output = output;
        layer.keras = layer.name = keras;
        layer.tensors = tensors ? tensors : "";
        layer.kernel_height = layer.kernel_width = kernel;
        return layer;
    };
    add(LayerKind::input, {3, 6, 6}, "input");
    add(LayerKind::conv, {4, 4, 4}, "c", "c", 3).bias = true;
    add(LayerKind::batch_norm, {4, 4, 4}, "b", "b");
    add(LayerKind::conv, {4, 4, 4}, "d", "d", 3).groups = 4;
    add(LayerKind::conv, {4, 3, 3}, "s", "s.dw", 2).groups = 4;
    add(LayerKind::conv, {5, 3, 3}, "s", "s.pw").bias = true;
    add(LayerKind::batch_norm, {5, 3, 3}, "b2", "b2");
    add(LayerKind::conv, {6, 3, 3}, "c2", "c2");
    add(LayerKind::flatten, {54, 1, 1}, "flatten");
    add(LayerKind::dense, {7, 1, 1}, "fc1", "fc1").bias = true;
    graph.top_begin = static_cast<int>(graph.layers.size());
    if (top) add(LayerKind::dense, {2, 1, 1}, "predictions", "predictions").bias = true;
    return graph;
}

struct KerasFixture {
    const char* file;
    bool top;
};

class KerasFile : public testing::TestWithParam<KerasFixture> {};

TEST_P(KerasFile, BecomesTheTensorsWithWhichPyTorchComputesTheSame) {
    const fs::path path = kFixtures / "keras" / GetParam().file;
    const TensorMap tensors = fit_weights(fixture_graph(), read_weights_file(path), path);
    const json expected = read_json(kFixtures / "keras_expected.json");
    for (const auto& [name, tensor] : expected.items()) {
        SCOPED_TRACE(name);
        const bool of_top = name.starts_with("predictions");
        ASSERT_EQ(tensors.contains(name), GetParam().top || !of_top);
        if (!tensors.contains(name)) continue;
        EXPECT_EQ(json(tensors.at(name).shape), tensor["shape"]);
        EXPECT_EQ(tensors.at(name).values, tensor["values"].get<std::vector<float>>());
    }
    EXPECT_EQ(tensors.size(), expected.size() - (GetParam().top ? 0 : 2));
}

const KerasFixture kKerasFixtures[] = {
    {"model.h5", true},           {"model.keras", true},
    {"model.weights.h5", true},   {"kernels.h5", true},
    {"kernels_double.h5", true},  {"tensorflow.h5", true},
    {"made_up_names.h5", true},   {"nameless.weights.h5", true},
    {"notop.h5", false},          {"notop_half_gzip.h5", false},
    {"nested.h5", false},         {"nested.keras", false},
    {"nested.weights.h5", false},
};
INSTANTIATE_TEST_SUITE_P(Fixtures, KerasFile, testing::ValuesIn(kKerasFixtures), [](const auto& fixture) {
    std::string name = fixture.param.file;
    std::ranges::replace(name, '.', '_');
    return name;
});

std::string complaint(const LayerGraph& graph, const fs::path& path) {
    try {
        fit_weights(graph, read_weights_file(path), path);
        return "";
    } catch (const UserError& error) {
        return error.what();
    }
}

TEST(KerasFileThatDoesNotFit, IsToldByItsOwnNamesAndLayout) {
    LayerGraph graph = fixture_graph();
    graph.top_begin = static_cast<int>(graph.layers.size());  // as if the classifier were of the base
    graph.layers[1].kernel_height = 5;
    EXPECT_THAT(complaint(graph, kFixtures / "keras" / "notop.h5"),
                AllOf(HasSubstr("2 tensors missing (predictions.weight, predictions.bias)"),
                      HasSubstr("c/kernel is [3, 3, 3, 4], needs [5, 3, 3, 4]")));
    graph = fixture_graph(false);
    graph.layers[1].kernel_height = 5;
    EXPECT_THAT(complaint(graph, kFixtures / "keras" / "kernels.h5"),
                HasSubstr("2 tensors it has no place for (predictions/kernel, predictions/bias)"));
}

/// torchvision's MobileNetV2 has no Keras names: nothing of the file is for it, which is not to say that nothing lacks.
TEST(KerasFileThatDoesNotFit, IsRefusedForANetworkThatKerasDoesNotHave) {
    EXPECT_THAT(
        complaint(build_backbone("mobilenet_v2", 64, PaddingStyle::tensorflow), kFixtures / "keras" / "notop.h5"),
        HasSubstr("tensors missing (features.0.0.weight"));
}

TEST(HostileKerasFile, IsRefusedInWords) {
    const json refused = read_json(kFixtures / "keras_refused.json");
    for (const auto& [name, says] : refused.items()) {
        SCOPED_TRACE(name);
        try {
            read_weights_file(kFixtures / "keras_hostile" / name);
            ADD_FAILURE() << "was read";
        } catch (const UserError& error) {
            EXPECT_THAT(error.what(), HasSubstr(says.get<std::string>()));
            EXPECT_THAT(error.what(), HasSubstr(name));
        }
    }
}

TEST(HostileKerasFile, CutAnywhereOrWithAnyByteChangedIsReadOrRefused) {
    const std::string whole = read_file(kFixtures / "keras" / "notop_half_gzip.h5");
    TemporaryFolder folder;
    const fs::path path = folder / "damaged.h5";
    int read = 0, refused = 0;
    for (std::size_t at = 0; at < whole.size(); at += 1009) {
        std::string changed = whole;
        changed[at] = static_cast<char>(~changed[at]);
        for (const std::string& content : {whole.substr(0, at), changed}) {
            write_file(path, content);
            try {
                read_weights_file(path);
                ++read;
            } catch (const UserError&) {
                ++refused;
            }
        }
    }
    EXPECT_GT(read, 20);
    EXPECT_GT(refused, 50);
}

/// What a process that does `work` comes to.
std::string end_of(const std::function<void(int)>& work) {
    try {
        ConfinedChild child({64 << 20, 1}, work);
        char byte;
        child.read(&byte, 1);
        return std::string("said ") + byte;
    } catch (const UserError& error) {
        return error.what();
    }
}

TEST(ConfinedChild, MayCrashHangAndAskForMemoryAndDoesNoHarm) {
    EXPECT_EQ(end_of([](int pipe) { write_or_exit(pipe, "a", 1); }), "said a");
    EXPECT_THAT(end_of([](int) { *static_cast<volatile int*>(nullptr) = 1; }), HasSubstr("Segmentation fault"));
    EXPECT_THAT(end_of([](int) { std::abort(); }), HasSubstr("damaged or hostile"));
    volatile int forever = 1;
    EXPECT_THAT(end_of([&](int) {
                    while (forever) {
                    }
                }),
                HasSubstr("did not end in 1 s"));
    EXPECT_THAT(end_of([](int pipe) {
                    const bool refused = !::operator new(256 << 20, std::nothrow);
                    write_or_exit(pipe, refused ? "r" : "g", 1);
                }),
                "said r");
}

TEST(ConfinedChild, CannotOpenFilesNorRunPrograms) {
    EXPECT_EQ(end_of([](int pipe) { write_or_exit(pipe, ::access("/etc/passwd", R_OK) == 0 ? "y" : "n", 1); }),
              "said n");
    EXPECT_EQ(end_of([](int pipe) { write_or_exit(pipe, std::fopen("/etc/passwd", "r") ? "y" : "n", 1); }), "said n");
    EXPECT_EQ(end_of([](int pipe) { write_or_exit(pipe, ::fork() < 0 ? "n" : "y", 1); }), "said n");
    EXPECT_EQ(end_of([](int pipe) {
                  void* code = ::mmap(nullptr, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                  write_or_exit(pipe, code == MAP_FAILED ? "n" : "y", 1);
              }),
              "said n");
}

TEST(RealKerasWeights, AreTheNumbersOfTheSameFileInPyTorchsLayout) {
    const fs::path folder = THAW_SOURCE_DIR "/../shared/weights";
    if (!fs::exists(folder)) GTEST_SKIP() << "no real weights at " << folder;
    const LayerGraph graph = build_backbone("squeezenet1_1", 224, PaddingStyle::symmetric);
    const fs::path path = folder / "squeezenet1_1_imagenet_notop_keras.h5";
    const TensorMap keras = fit_weights(graph, read_weights_file(path), path);
    const TensorMap torch = read_tensors(folder / "squeezenet1_1_imagenet_notop.pth");
    ASSERT_EQ(keras.size(), 50u);
    for (const auto& [name, tensor] : torch)
        if (!name.starts_with("features.0.")) {
            EXPECT_EQ(keras.at(name).values, tensor.values) << name;
        }
    // The first convolution alone differs: Keras' takes BGR in 0..255, PyTorch's RGB in deviations.
    const HostTensor &bgr = keras.at("features.0.weight"), &rgb = torch.at("features.0.weight");
    for (std::size_t o = 0; o < 64; ++o)
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t pixel = 0; pixel < 9; ++pixel) {
                const float deviation = std::array{0.229F, 0.224F, 0.225F}[c] * 255;
                const float expected = bgr.values[(o * 3 + 2 - c) * 9 + pixel] * deviation;
                EXPECT_NEAR(rgb.values[(o * 3 + c) * 9 + pixel], expected, 1e-5 * std::abs(expected));
            }
}

TEST(RealKerasWeights, FitTheirNetwork) {
    const fs::path folder = THAW_SOURCE_DIR "/../shared/weights";
    if (!fs::exists(folder)) GTEST_SKIP() << "no real weights at " << folder;
    const WeightsFile pruned = read_weights_file(folder / "resnet50_imagenet_pruned_keras.h5");
    const NetworkMatch match = closest_network(pruned);
    EXPECT_EQ(match.backbone, "keras_resnet50");
    EXPECT_TRUE(match.fits());
    EXPECT_EQ(match.extra, 0u);
    EXPECT_THAT(pruned.tensors.at("conv1_conv/kernel").shape, testing::ElementsAre(7, 7, 3, 64));
}

}  // namespace
}  // namespace thaw
