// Small copies of photos for pages: what is read is a JPEG of the same picture, what cannot be read is nothing.
#include "worker/data/thumbnail.hpp"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "common/util/atomic_file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

TEST(Thumbnails, AreTheMiddleOfThePhotoAsASmallJpeg) {
    const TemporaryFolder folder;
    cv::Mat photo(300, 700, CV_8UC3, cv::Scalar(0, 0, 200));  // red
    cv::rectangle(photo, {250, 0}, {450, 300}, cv::Scalar(200, 0, 0), cv::FILLED);
    cv::imwrite(folder / "photo.png", photo);
    const std::string jpeg = thumbnail(folder / "photo.png");
    EXPECT_LT(jpeg.size(), 6000U);
    const cv::Mat small = cv::imdecode(std::vector<unsigned char>(jpeg.begin(), jpeg.end()), cv::IMREAD_COLOR);
    ASSERT_EQ(small.size(), cv::Size(96, 96));
    EXPECT_NEAR(small.at<cv::Vec3b>(48, 48)[0], 200, 6) << "blue in the middle";
    EXPECT_NEAR(small.at<cv::Vec3b>(48, 4)[2], 200, 6) << "red at the side";
}

TEST(Thumbnails, AreEmptyWhereThereIsNoPhoto) {
    const TemporaryFolder folder;
    write_file(folder / "text.jpg", "not a photo");
    EXPECT_EQ(thumbnail(folder / "text.jpg"), "");
    EXPECT_EQ(thumbnail(folder / "missing.jpg"), "");
}

}  // namespace
}  // namespace thaw
