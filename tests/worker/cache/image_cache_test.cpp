// Sets of images decoded side by side into one file.
#include "worker/cache/image_cache.hpp"
#include "worker/data/decode.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>

#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/data/test_images.hpp"
#include "worker/cache/array_file.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

/// Eight pictures of two classes; two of them cannot be decoded.
Dataset example(const fs::path& folder) {
    for (const char* name : {"cat", "dog"}) {
        fs::create_directories(folder / name);
        for (int i = 0; i < 4; ++i)
            cv::imwrite(folder / name / (std::to_string(i) + ".png"), picture(20 + 9 * i, 30 + name[0] % 7));
    }
    write_file(folder / "cat/1.png", "no picture");
    write_file(folder / "dog/3.png", read_file(folder / "dog/3.png").substr(0, 100));
    return scan_images(folder, {}, 2);
}

TEST(DecodeImages, KeepsTheOrderOfTheDatasetAndZeroesWhatCannotBeDecoded) {
    TemporaryFolder folder;
    const Dataset dataset = example(folder / "images");
    const DecodeOptions options{.image_size = 16};
    const std::vector<BadImage> bad =
        decode_images(dataset, options, decode_on_threads(dataset, options, 3), folder / "cache").bad;
    ASSERT_EQ(bad.size(), 2u);
    EXPECT_EQ(bad[0].index, 1);
    EXPECT_THAT(bad[0].reason, testing::HasSubstr("cat/1.png: not an image"));
    EXPECT_EQ(bad[1].index, 7);
    const ArrayFile file(folder / "cache");
    EXPECT_TRUE(file.verify());
    ASSERT_EQ(file.rows(), 8);
    std::vector<std::uint8_t> row(16 * 16 * 3);
    for (int i = 0; i < 8; ++i) {
        std::ranges::fill(row, 0);
        if (i != 1 && i != 7)
            decode_image(dataset.folder / dataset.images[static_cast<std::size_t>(i)].path, options, row.data());
        EXPECT_TRUE(std::equal(row.begin(), row.end(), file.bytes() + i * 16 * 16 * 3)) << i;
    }
}

TEST(DecodeImages, GivesTheSameBytesOnAnyNumberOfThreads) {
    TemporaryFolder folder;
    const Dataset dataset = example(folder / "images");
    decode_images(dataset, {.image_size = 16}, decode_on_threads(dataset, {.image_size = 16}, 1), folder / "one");
    decode_images(dataset, {.image_size = 16}, decode_on_threads(dataset, {.image_size = 16}, 4), folder / "four");
    EXPECT_EQ(read_file(folder / "one"), read_file(folder / "four"));
    EXPECT_EQ(read_file(folder / "one.bad.json"), read_file(folder / "four.bad.json"));
}

TEST(DecodeImages, DoesNotDecodeAgainWhatIsUsable) {
    TemporaryFolder folder;
    const Dataset dataset = example(folder / "images");
    std::atomic<std::int64_t> progress{0};
    const auto decode = [&] {
        return decode_images(dataset, {.image_size = 16}, decode_on_threads(dataset, {.image_size = 16}, 2),
                             folder / "cache", 0, [&](std::int64_t n) { progress = n; });
    };
    decode();
    EXPECT_EQ(progress, 8);
    fs::remove_all(folder / "images");
    const Decoded again = decode();
    EXPECT_TRUE(again.reused);
    EXPECT_EQ(again.bad.size(), 2u) << "the images are gone, and not missed";
    EXPECT_EQ(read_bad_images(folder / "cache").size(), 2u);
    write_file(folder / "cache", "damaged");
    EXPECT_EQ(decode().bad.size(), 8u) << "a damaged cache is made again";
}

TEST(DecodeImages, DecodesOnlyWhatNoOtherDataHas) {
    TemporaryFolder folder;
    const auto decode = [&](const Dataset& dataset) {
        const std::string name = ArrayName{"images-16", rows_key(fingerprints_of(dataset))}.file();
        const Decoded decoded = decode_images(
            dataset, {.image_size = 16}, decode_on_threads(dataset, {.image_size = 16}, 2), folder / name, 1 << 20);
        decode_images(dataset, {.image_size = 16}, decode_on_threads(dataset, {.image_size = 16}, 2), folder / "fresh");
        EXPECT_EQ(read_file(folder / name), read_file(folder / "fresh"));
        fs::remove(folder / "fresh");
        return decoded;
    };
    EXPECT_EQ(decode(example(folder / "images")).computed, 8);
    cv::imwrite(folder / "images/cat/00.png", picture(50, 60));
    fs::rename(folder / "images/dog/0.png", folder / "images/dog/9.png");
    fs::remove(folder / "images/dog/1.png");
    const Decoded decoded = decode(scan_images(folder / "images", {}, 2));
    EXPECT_EQ(decoded.computed, 3) << "one is new, and two could not be decoded before";
    EXPECT_EQ(decoded.bad.size(), 2u);
}

TEST(FingerprintsOf, ChangeWithContentsAndOrderOnly) {
    Dataset a;
    a.images = {{"x", 0, Part::train, "11"}, {"y", 1, Part::train, "22"}};
    Dataset b = a;
    b.folder = "/elsewhere";
    b.images[0].part = Part::test;
    EXPECT_EQ(fingerprints_of(a), fingerprints_of(b));
    std::swap(b.images[0], b.images[1]);
    EXPECT_NE(fingerprints_of(a), fingerprints_of(b));
}

TEST(DecodeImages, ReadsRealPhotosWithoutComplaint) {
    const fs::path photos = fs::path(THAW_SOURCE_DIR) / "../shared/data/pokemon10";
    if (!fs::exists(photos)) GTEST_SKIP() << photos << " is not there";
    TemporaryFolder folder;
    Dataset dataset = scan_images(photos, {}, 2);
    ASSERT_EQ(dataset.images.size(), 671u);
    std::vector<ImageFile> some;
    for (std::size_t i = 0; i < dataset.images.size(); i += 11) some.push_back(dataset.images[i]);
    dataset.images = some;
    EXPECT_THAT(
        decode_images(dataset, {.image_size = 64}, decode_on_threads(dataset, {.image_size = 64}, 2), folder / "cache")
            .bad,
        testing::IsEmpty());
}

}  // namespace
}  // namespace thaw
