// One image at a time: PIL's pixels for good files, reasons for bad ones.
#include <gmock/gmock.h>

#include <fstream>

#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/data/test_images.hpp"
#include "worker/cache/image_cache.hpp"
#include "worker/data/decode.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::vector<std::uint8_t> decode(const fs::path& path, const DecodeOptions& options) {
    std::vector<std::uint8_t> pixels(3 * static_cast<std::size_t>(options.image_size * options.image_size));
    decode_image(path, options, pixels.data());
    return pixels;
}

std::string decode_complaint(const fs::path& path) {
    try {
        decode(path, {.image_size = 8});
    } catch (const StageError& error) {
        EXPECT_THAT(error.what(), HasSubstr(path.string()));
        return error.what();
    }
    return "no complaint";
}

int largest_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
    int largest = a.size() == b.size() ? 0 : 1000;
    for (std::size_t i = 0; i < a.size() && largest < 1000; ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
}

/// An answer of PIL's, a PNG, as OpenCV reads it.
std::vector<std::uint8_t> golden_pixels(const fs::path& path) {
    const cv::Mat image = cv::imread(path);
    std::vector<std::uint8_t> pixels;
    for (auto pixel = image.begin<cv::Vec3b>(); pixel != image.end<cv::Vec3b>(); ++pixel)
        pixels.insert(pixels.end(), {(*pixel)[2], (*pixel)[1], (*pixel)[0]});
    return pixels;
}

TEST(DecodeImage, GivesPilsPixelsForEveryFormatAndInterpolation) {
    std::ifstream cases(kGolden / "pil_cases.txt");
    std::string name, resize, interpolation, answer;
    int size = 0, count = 0;
    for (; cases >> name >> size >> resize >> interpolation >> answer; ++count) {
        const DecodeOptions options{size, parse_resize_method(resize), parse_interpolation(interpolation)};
        const int allowed = interpolation == "nearest" ? 0 : 1;
        EXPECT_LE(largest_difference(decode(kGolden / name, options), golden_pixels(kGolden / answer)), allowed)
            << answer;
    }
    EXPECT_EQ(count, 29);
}

TEST(DecodeImage, PadsAsPilDoesAndTakesKerasLuminance) {
    std::ifstream cases(kGolden / "pad_grey_cases.txt");
    std::string name, resize, interpolation, answer;
    int size = 0, count = 0;
    for (bool grey = false; cases >> name >> size >> resize >> interpolation >> grey >> answer; ++count) {
        const DecodeOptions options{size, parse_resize_method(resize), parse_interpolation(interpolation), grey};
        const int allowed = interpolation == "nearest" ? 0 : 1;
        EXPECT_LE(largest_difference(decode(kGolden / name, options), golden_pixels(kGolden / answer)), allowed)
            << answer;
    }
    EXPECT_EQ(count, 21);
}

TEST(DecodeImage, PadsByAreaAndThePicturesThatAreAlmostALine) {
    TemporaryFolder folder;
    cv::imwrite(folder / "wide.png", cv::Mat(4, 8, CV_8UC3, cv::Scalar(40, 80, 200)));
    const auto pixels = decode(folder / "wide.png",
                               {.image_size = 4, .resize = ResizeMethod::pad, .interpolation = Interpolation::area});
    for (std::size_t i = 0; i < pixels.size(); i += 3)
        EXPECT_EQ(pixels[i], i / 12 == 1 || i / 12 == 2 ? 200 : 0) << "pixel " << i / 3;
    cv::imwrite(folder / "line.png", cv::Mat(1, 300, CV_8UC3, cv::Scalar(255, 255, 255)));
    const auto line = decode(folder / "line.png", {.image_size = 8, .resize = ResizeMethod::pad});
    EXPECT_EQ(std::count(line.begin(), line.end(), 255), 3 * 8) << "one row is left of it";
}

TEST(DecodeImage, AveragesWholeBlocksByArea) {
    TemporaryFolder folder;
    cv::Mat image(4, 4, CV_8UC3, cv::Scalar(0, 0, 0));
    image(cv::Rect(0, 0, 1, 2)).setTo(cv::Scalar(40, 80, 200));  // half of the upper left block
    cv::imwrite(folder / "a.png", image);
    const auto pixels = decode(folder / "a.png", {.image_size = 2, .interpolation = Interpolation::area});
    EXPECT_THAT(pixels, testing::ElementsAre(100, 40, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(DecodeImage, KeepsTheUpperByteOfSixteenBits) {
    TemporaryFolder folder;
    cv::imwrite(folder / "grey.png", cv::Mat(8, 8, CV_16U, cv::Scalar(0x80FF)));
    EXPECT_THAT(decode(folder / "grey.png", {.image_size = 8}), testing::Each(0x80));
    cv::imwrite(folder / "rgba.png", cv::Mat(8, 8, CV_16UC4, cv::Scalar(0x4000, 0x4000, 0x4000, 0xFFFF)));
    EXPECT_THAT(decode(folder / "rgba.png", {.image_size = 8}), testing::Each(0x40));
    cv::imwrite(folder / "clear.png", cv::Mat(8, 8, CV_16UC4, cv::Scalar(0, 0, 0, 0)));
    EXPECT_THAT(decode(folder / "clear.png", {.image_size = 8}), testing::Each(255)) << "alpha is over white";
}

/// A JPEG with an EXIF orientation put behind its start marker, in either byte order.
std::string with_orientation(const std::string& jpeg, char orientation, bool big_endian) {
    using namespace std::string_literals;
    const std::string tiff = big_endian
                                 ? "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"s + orientation + "\0\0\0\0\0\0"s
                                 : "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"s + orientation + "\0\0\0\0\0\0\0"s;
    const std::string payload = "Exif\0\0"s + tiff;
    return jpeg.substr(0, 2) + "\xFF\xE1"s + '\0' + static_cast<char>(payload.size() + 2) + payload + jpeg.substr(2);
}

TEST(DecodeImage, TurnsPicturesAsTheirExifSaysInAllEightWays) {
    TemporaryFolder folder;
    cv::imwrite(folder / "plain.jpg", picture(40, 24), {cv::IMWRITE_JPEG_QUALITY, 100});
    const std::string jpeg = read_file(folder / "plain.jpg");
    for (char orientation = 1; orientation <= 8; ++orientation)
        for (bool big_endian : {false, true}) {
            const fs::path turned = folder / "turned.jpg";
            write_file(turned, with_orientation(jpeg, orientation, big_endian));
            cv::imwrite(folder / "opencv.png", cv::imread(turned));  // OpenCV applies EXIF by itself
            const DecodeOptions options{16, ResizeMethod::squash, Interpolation::bilinear};
            EXPECT_LE(largest_difference(decode(turned, options), decode(folder / "opencv.png", options)), 1)
                << "orientation " << int{orientation};
        }
}

TEST(DecodeImage, RefusesAJpegThatEndsAnywhereBeforeItsEnd) {
    TemporaryFolder folder;
    for (int progressive : {0, 1}) {
        cv::imwrite(folder / "whole.jpg", picture(200, 100), {cv::IMWRITE_JPEG_PROGRESSIVE, progressive});
        const std::string whole = read_file(folder / "whole.jpg");
        for (std::size_t size = 0; size < whole.size(); size += whole.size() / 40) {
            write_file(folder / "cut.jpg", whole.substr(0, size));
            EXPECT_NE(decode_complaint(folder / "cut.jpg"), "no complaint") << size << " of " << whole.size();
        }
        write_file(folder / "cut.jpg", whole.substr(0, whole.size() - 1));
        EXPECT_THAT(decode_complaint(folder / "cut.jpg"), HasSubstr("truncated"));
        write_file(folder / "longer.jpg", whole + "trailing garbage \xFF\xD8\xFF");
        EXPECT_EQ(decode_complaint(folder / "longer.jpg"), "no complaint");
    }
}

TEST(DecodeImage, RefusesAJpegThatMissesItsMiddleEvenWithAnEnd) {
    TemporaryFolder folder;
    cv::imwrite(folder / "whole.jpg", picture(200, 100));
    const std::string whole = read_file(folder / "whole.jpg");
    write_file(folder / "cut.jpg", whole.substr(0, whole.size() / 2) + "\xFF\xD9");
    EXPECT_THAT(decode_complaint(folder / "cut.jpg"), HasSubstr("truncated"));
}

TEST(DecodeImage, RefusesOtherFormatsCutShort) {
    TemporaryFolder folder;
    for (const char* name : {"photo.png", "photo.webp", "photo.bmp", "photo.gif"}) {
        const std::string whole = read_file(kGolden / name);
        for (std::size_t size = 1; size < whole.size(); size += whole.size() / 20) {
            write_file(folder / name, whole.substr(0, size));
            EXPECT_NE(decode_complaint(folder / name), "no complaint") << name << " " << size << " of " << whole.size();
        }
    }
}

TEST(DecodeImage, GoesByContentNotByName) {
    TemporaryFolder folder;
    fs::copy(kGolden / "photo.png", folder / "photo.jpg");
    EXPECT_EQ(decode_complaint(folder / "photo.jpg"), "no complaint");
    write_file(folder / "empty.jpg", "");
    EXPECT_THAT(decode_complaint(folder / "empty.jpg"), HasSubstr("empty file"));
    write_file(folder / "text.jpg", "<html>404 not found</html>");
    EXPECT_THAT(decode_complaint(folder / "text.jpg"), HasSubstr("not an image"));
    EXPECT_THAT(decode_complaint(folder / "absent.jpg"), HasSubstr("cannot be read"));
}

TEST(DecodeImage, RefusesHugePicturesByTheirHeader) {
    TemporaryFolder folder;
    std::string png = read_file(kGolden / "photo.png");
    png.replace(16, 8, std::string("\0\0\xFF\xFF\0\0\xFF\xFF", 8));
    write_file(folder / "huge.png", png);
    EXPECT_THAT(decode_complaint(folder / "huge.png"), HasSubstr("65535 x 65535 pixels"));
    std::string bmp = read_file(kGolden / "photo.bmp");
    bmp.replace(18, 8, std::string("\xFF\xFF\xFF\x7F\xFF\xFF\xFF\x7F", 8));
    write_file(folder / "huge.bmp", bmp);
    EXPECT_THAT(decode_complaint(folder / "huge.bmp"), HasSubstr("more than thaw takes"));
}

TEST(DecodeImage, SurvivesFlippedBytesInEveryFormat) {
    TemporaryFolder folder;
    for (const char* name : {"photo.png", "palette.png", "exif_6.jpg", "cmyk.jpg", "photo.webp", "photo.bmp"}) {
        const std::string whole = read_file(kGolden / name);
        for (std::size_t at = 0; at < 400; at += 11) {
            std::string damaged = whole;
            damaged[at] ^= static_cast<char>(1 + at * 37);
            write_file(folder / name, damaged);
            decode_complaint(folder / name);  // any answer will do but a crash
        }
    }
}

}  // namespace
}  // namespace thaw
