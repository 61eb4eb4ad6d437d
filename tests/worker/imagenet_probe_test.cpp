// Real weights on 200 photos, one of each of 200 ImageNet classes: top-1 beside what others measured.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "common/util/error.hpp"
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
    try {
        resolve_weights(options.backbone, options.weights, weights_folders(options.weights_dir));
    } catch (const UserError& error) {
        GTEST_SKIP() << error.what();
    }
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
