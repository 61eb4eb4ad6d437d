// Debian's Fashion-MNIST as a tree of PNGs.
#include "worker/data/fashion_mnist.hpp"

#include <gmock/gmock.h>

#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/data/test_images.hpp"
#include "worker/data/image_folder.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

/// Plain idx files of `count` images; image i is of class i % 10 and all its pixels are i.
void write_idx(const fs::path& folder, const std::string& prefix, int count) {
    using namespace std::string_literals;
    std::string images = "\0\0\x08\x03\0\0\0"s + static_cast<char>(count) + "\0\0\0\x1C\0\0\0\x1C"s;
    std::string labels = "\0\0\x08\x01\0\0\0"s + static_cast<char>(count);
    for (int i = 0; i < count; ++i) {
        images += std::string(28 * 28, static_cast<char>(i));
        labels += static_cast<char>(i % 10);
    }
    write_file(folder / (prefix + "-images-idx3-ubyte"), images);
    write_file(folder / (prefix + "-labels-idx1-ubyte"), labels);
}

TEST(FashionMnist, BecomesATreeThatScansWithItsOwnValidation) {
    TemporaryFolder folder;
    write_idx(folder.path(), "train", 40);
    write_idx(folder.path(), "t10k", 20);
    write_fashion_mnist_tree(folder.path(), folder / "out", 3, 2);
    const Dataset dataset = scan_images(folder / "out", {}, 2);
    EXPECT_EQ(dataset.classes.size(), 10u);
    EXPECT_EQ(std::ranges::count(dataset.images, Part::train, &ImageFile::part), 30);
    EXPECT_EQ(std::ranges::count(dataset.images, Part::validation, &ImageFile::part), 20);
    const cv::Mat image = cv::imread(folder / "out/train/trouser/00002.png", cv::IMREAD_UNCHANGED);
    EXPECT_EQ(image.size(), cv::Size(28, 28));
    EXPECT_EQ(image.at<std::uint8_t>(5, 5), 11) << "the second image of class 1";
}

TEST(FashionMnist, IsNotWrittenTwiceNorOverOtherThings) {
    TemporaryFolder folder;
    write_idx(folder.path(), "train", 40);
    write_idx(folder.path(), "t10k", 20);
    write_fashion_mnist_tree(folder.path(), folder / "out", 3, 2);
    fs::remove(folder / "train-images-idx3-ubyte");
    EXPECT_NO_THROW(write_fashion_mnist_tree(folder.path(), folder / "out/", 3, 2)) << "it is there: nothing to do";
    EXPECT_THROW(write_fashion_mnist_tree(folder.path(), folder / "out", 4, 2), UserError);
}

TEST(FashionMnist, SaysWhatIsWrongAndLeavesNothingBehind) {
    TemporaryFolder folder;
    const auto complaint = [&](int train, int validation) -> std::string {
        try {
            write_fashion_mnist_tree(folder.path(), folder / "sub/out", train, validation);
        } catch (const UserError& error) {
            return error.what();
        }
        return "no complaint";
    };
    EXPECT_THAT(complaint(1, 1), testing::HasSubstr("dataset-fashion-mnist"));
    write_idx(folder.path(), "train", 40);
    write_idx(folder.path(), "t10k", 20);
    EXPECT_THAT(complaint(5, 1), testing::HasSubstr("train has 4 of tshirt_top"));
    EXPECT_THAT(complaint(0, 1), testing::HasSubstr("at least one"));
    write_file(folder / "t10k-labels-idx1-ubyte", "nonsense");
    EXPECT_THAT(complaint(2, 1), testing::HasSubstr("t10k-labels-idx1-ubyte"));
    EXPECT_TRUE(fs::is_empty(folder / "sub"));
}

TEST(FashionMnist, ReadsTheGzippedFilesThatDebianInstalls) {
    if (!fs::exists(kFashionMnistFolder)) GTEST_SKIP() << kFashionMnistFolder << " is not there";
    TemporaryFolder folder;
    write_fashion_mnist_tree(kFashionMnistFolder, folder / "out", 2, 1);
    EXPECT_FALSE(cv::imread(folder / "out/val/ankle_boot/00001.png").empty());
}

}  // namespace
}  // namespace thaw
