// Real weights on 200 photos, one of each of 200 ImageNet classes: top-1 beside what others measured.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "worker/torch/photos.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

const fs::path kShared = THAW_SOURCE_DIR "/../shared";

struct Row {
    std::string backbone;
    double top1;
    WeightsRequest weights = {};
    Interpolation interpolation = Interpolation::bilinear;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
    return out << row.backbone;
}

class ImageNetProbe : public testing::TestWithParam<Row> {};

/// Photos are called INDEX_WNID_NAME.jpg.
int class_of(const fs::path& photo) {
    return std::stoi(photo.filename().string());
}

/// The names of the files that would do, where none of them is there. One that is there has to be right.
std::string missing_file(const Row& row) {
    std::string names;
    const auto is_there = [&](const std::string& file) {
        names += (names.empty() ? "" : " or ") + file;
        const std::vector<fs::path> folders = weights_folders(kShared / "weights");
        return std::ranges::any_of(folders, [&](const fs::path& folder) { return fs::exists(folder / file); });
    };
    if (row.weights.name != "imagenet") return is_there(row.weights.name) ? "" : names;
    for (const WeightsEntry& entry : weights_registry())
        if (entry.backbone == row.backbone && is_there(entry.file)) return "";
    return names;
}

TEST_P(ImageNetProbe, IsAnsweredAsWellAsElsewhere) {
    if (!fs::exists(kShared / "data/imagenet_probe")) GTEST_SKIP() << "no photos in " << kShared;
    PhotoOptions options{.backbone = GetParam().backbone,
                         .weights = GetParam().weights,
                         .weights_dir = kShared / "weights",
                         .image_size = 224,
                         .resize = ResizeMethod::crop,
                         .interpolation = GetParam().interpolation,
                         .shorter_side = 256,
                         .threads = 2};
    if (const std::string missing = missing_file(GetParam()); !missing.empty())
        GTEST_SKIP() << "no " << missing << " in any folder of weights";
    const std::vector<fs::path> photos = photos_of({kShared / "data/imagenet_probe"});
    ASSERT_EQ(photos.size(), 200U);
    int right = 0;
    PhotoNetwork(options).classify(
        photos, [&](std::size_t photo, std::span<const float> probabilities, const std::string& bad) {
            ASSERT_EQ(bad, "");
            const auto best = std::max_element(probabilities.begin(), probabilities.end());
            right += best - probabilities.begin() == class_of(photos[photo]);
        });
    const double top1 = right / 200.0;
    std::printf("%-20s thaw %.3f, elsewhere %.3f\n", GetParam().backbone.c_str(), top1, GetParam().top1);
    EXPECT_NEAR(top1, GetParam().top1, 0.01 + 1e-9);
}

/// From the README beside the weights; those of lite1 and lite2, which it has not, from the package's PyTorch network
/// on the same pixels.
const Row kRows[] = {
    {"mobilenet_v1", 0.885},
    {"mobilenet_v2", 0.850},
    {"keras_resnet50", 0.885, {"resnet50_imagenet_pruned_keras.h5", "torch", "tensorflow"}},
    {"efficientnet_lite0", 0.890, {}, Interpolation::bicubic},
    {"efficientnet_lite1", 0.885, {}, Interpolation::bicubic},
    {"efficientnet_lite2", 0.885, {}, Interpolation::bicubic},
};

INSTANTIATE_TEST_SUITE_P(RealWeights, ImageNetProbe, testing::ValuesIn(kRows),
                         [](const auto& tested) { return tested.param.backbone; });

}  // namespace
}  // namespace thaw
