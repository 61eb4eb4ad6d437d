// Draws are pure and in their ranges; what they do to pixels is what Keras' apply_transform does.
#include "worker/data/augment.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <opencv2/imgcodecs.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "tests/worker/data/test_images.hpp"

namespace thaw {
namespace {

using Pixels = std::vector<std::uint8_t>;

Augment everything() {
    Augment augment;
    augment.fresh = true;
    augment.rotation_range = 20;
    augment.width_shift_range = 0.1;
    augment.height_shift_range = 0.3;
    augment.shear_range = 15;
    augment.zoom_range = {0.8, 1.1};
    augment.brightness_range = {0.5, 1.5};
    augment.channel_shift_range = 30;
    augment.horizontal_flip = augment.vertical_flip = true;
    augment.crop_scale = {0.2, 0.9};
    return augment;
}

/// As tests/worker/data/golden/make_augment_golden.py writes them.
std::vector<Transform> golden_cases() {
    std::vector<Transform> cases;
    std::ifstream file(kGolden / "augment_cases.txt");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string mode, channel_shift, brightness;
        Transform transform;
        words >> mode >> transform.cval >> transform.theta >> transform.tx >> transform.ty >> transform.shear >>
            transform.zx >> transform.zy >> transform.flip_horizontal >> transform.flip_vertical >> channel_shift >>
            brightness;
        EXPECT_TRUE(words) << line;
        transform.fill_mode = parse_name("fill_mode", names_of(FillMode{}), mode);
        if (channel_shift != "-") transform.channel_shift = std::stod(channel_shift);
        if (brightness != "-") transform.brightness = std::stod(brightness);
        cases.push_back(transform);
    }
    return cases;
}

Pixels applied(const Transform& transform, int size, const Pixels& in) {
    Pixels out(in.size());
    apply(transform, size, in.data(), out.data());
    return out;
}

TEST(Augment, DoesWhatKerasDoes) {
    const std::vector<Transform> cases = golden_cases();
    ASSERT_EQ(cases.size(), 38u);
    cv::Mat squares = cv::imread(kGolden / "augment_golden.png");
    const int size = squares.cols;
    ASSERT_EQ(squares.rows, size * static_cast<int>(cases.size() + 1));
    const auto square = [&](std::size_t which) {
        Pixels pixels;
        for (int y = 0; y < size; ++y)
            for (int x = 0; x < size; ++x) {
                const auto bgr = squares.at<cv::Vec3b>(static_cast<int>(which) * size + y, x);
                pixels.insert(pixels.end(), {bgr[2], bgr[1], bgr[0]});
            }
        return pixels;
    };
    const Pixels image = square(0);
    double worst = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const Pixels expected = square(i + 1), made = applied(cases[i], size, image);
        int sum = 0, largest = 0;
        for (std::size_t at = 0; at < made.size(); ++at) {
            const int difference = std::abs(made[at] - expected[at]);
            sum += difference;
            largest = std::max(largest, difference);
        }
        const double mean = sum / static_cast<double>(made.size());
        worst = std::max(worst, mean);
        EXPECT_LE(largest, 1) << "case " << i + 1;  // where Keras' numbers and ours lie on either side of a half
        EXPECT_LT(mean, 0.02) << "case " << i + 1;
    }
    RecordProperty("worst_mean_difference", std::to_string(worst));
    std::printf("mean difference of %zu transforms from Keras: at most %.4f of 255\n", cases.size(), worst);
}

TEST(Augment, ChangesNothingWithoutRanges) {
    const Pixels image(3 * 16 * 16, 77);
    Augment none;
    none.views = 3;
    const Transform transform = draw(none, 1, 1, "image", 16);
    EXPECT_EQ(transform, Transform{});
    EXPECT_EQ(applied(transform, 16, image), image);
}

TEST(Augment, DrawsWithinItsRanges) {
    const Augment augment = everything();
    constexpr int kSize = 100;
    double most_right = 0, most_down = 0, turned = 0, smallest = 2, largest = 0;
    int flips = 0;
    for (int epoch = 1; epoch <= 2000; ++epoch) {
        const Transform drawn = draw(augment, 1, epoch, "image", kSize);
        EXPECT_LE(std::abs(drawn.theta), 20);
        EXPECT_LE(std::abs(drawn.tx), 10);
        EXPECT_LE(std::abs(drawn.ty), 30);
        EXPECT_LE(std::abs(drawn.shear), 15);
        EXPECT_THAT(drawn.zx, testing::AllOf(testing::Ge(0.8), testing::Le(1.1)));
        EXPECT_LE(std::abs(drawn.channel_shift.value()), 30);
        EXPECT_THAT(drawn.brightness.value(), testing::AllOf(testing::Ge(0.5), testing::Le(1.5)));
        const Transform::Crop crop = drawn.crop.value();
        EXPECT_GE(crop.left, 0);
        EXPECT_GE(crop.top, 0);
        EXPECT_LE(crop.left + crop.width, kSize);
        EXPECT_LE(crop.top + crop.height, kSize);
        const double area = crop.width * crop.height / 1e4, ratio = crop.width / static_cast<double>(crop.height);
        EXPECT_THAT(area, testing::AllOf(testing::Ge(0.19), testing::Le(0.92)));
        EXPECT_THAT(ratio, testing::AllOf(testing::Ge(0.73), testing::Le(1.37)));
        most_right = std::max(most_right, drawn.tx);
        most_down = std::max(most_down, drawn.ty);
        turned += drawn.theta;
        smallest = std::min(smallest, drawn.zy);
        largest = std::max(largest, drawn.zy);
        flips += drawn.flip_horizontal;
    }
    EXPECT_GT(most_right, 9.9);
    EXPECT_GT(most_down, 29.7) << "the height's range is another than the width's";
    EXPECT_LT(std::abs(turned / 2000), 1);
    EXPECT_LT(smallest, 0.801);
    EXPECT_GT(largest, 1.099);
    EXPECT_NEAR(flips, 1000, 100);
}

TEST(Augment, IsAFunctionOfSeedEpochAndImage) {
    const Augment augment = everything();
    const Transform drawn = draw(augment, 1, 1, "image", 64);
    EXPECT_NE(drawn, draw(augment, 2, 1, "image", 64));
    EXPECT_NE(drawn, draw(augment, 1, 2, "image", 64));
    EXPECT_NE(drawn, draw(augment, 1, 1, "other", 64));
    Transform elsewhere;
    std::jthread([&] {
        draw(augment, 7, 9, "another", 64);
        elsewhere = draw(augment, 1, 1, "image", 64);
    }).join();
    EXPECT_EQ(drawn, elsewhere) << "neither order nor thread matters";
}

TEST(Augment, DrawsEachParameterForItself) {
    Augment augment = everything();
    const Transform with = draw(augment, 1, 1, "image", 64);
    augment.crop_scale = {};
    augment.brightness_range = {};
    augment.zoom_range = {};
    const Transform without = draw(augment, 1, 1, "image", 64);
    EXPECT_EQ(with.theta, without.theta);
    EXPECT_EQ(with.channel_shift, without.channel_shift);
    EXPECT_EQ(with.flip_vertical, without.flip_vertical);
    EXPECT_EQ(without.crop, std::nullopt);
    EXPECT_EQ(without.zx, 1);
}

TEST(Augment, ReadsNoByteBeyondTheImage) {  // for the sanitizers: the image ends where its memory ends
    for (const int size : {8, 9, 31}) {
        const auto bytes = static_cast<std::size_t>(3 * size * size);
        Pixels image(bytes);
        for (std::size_t i = 0; i < bytes; ++i) image[i] = static_cast<std::uint8_t>(i * 37);
        image.shrink_to_fit();
        for (const FillMode mode : {FillMode::nearest, FillMode::reflect, FillMode::constant, FillMode::wrap})
            for (int epoch = 1; epoch <= 40; ++epoch) {
                Augment augment = everything();
                augment.fill_mode = mode;
                if (epoch % 2) augment.crop_scale = {};
                applied(draw(augment, 3, epoch, "image", size), size, image);
                Transform little;
                little.tx = little.ty = 0.001 * epoch;
                little.fill_mode = mode;
                applied(little, size, image);
            }
    }
}

TEST(Augment, CropsAreTheCropBroughtToSize) {
    constexpr int kSize = 12;
    Pixels image(3 * kSize * kSize, 10);
    for (int y = 0; y < kSize; ++y)
        for (int x = 0; x < kSize; ++x)
            if (x >= 3 && x < 9 && y >= 2 && y < 8) image[static_cast<std::size_t>(3 * (y * kSize + x))] = 200;
    Transform transform;
    transform.crop = Transform::Crop{4, 3, 4, 4};
    const Pixels cropped = applied(transform, kSize, image);
    for (std::size_t at = 0; at < cropped.size(); at += 3) EXPECT_EQ(cropped[at], 200);
}

}  // namespace
}  // namespace thaw
