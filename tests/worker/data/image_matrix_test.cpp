// Pictures of every format x mode x orientation x transparency, written by Pillow: thaw's pixels are those Pillow
// shows.
#include <gmock/gmock.h>

#include <cstdlib>
#include <sstream>

#include "common/util/error.hpp"
#include "tests/support/python.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/data/test_images.hpp"
#include "worker/data/decode.hpp"
#include "worker/data/image_folder.hpp"

namespace thaw {
namespace {

/// How far a file's pixels are from its reference's, at most; 1000 where it is refused.
int distance(const std::filesystem::path& file, const std::filesystem::path& reference) {
    const DecodeOptions options{24, ResizeMethod::squash, Interpolation::nearest};
    std::vector<std::uint8_t> pixels(3 * 24 * 24), expected(pixels.size());
    try {
        decode_image(file, options, pixels.data());
        decode_image(reference, options, expected.data());
    } catch (const StageError& error) {
        ADD_FAILURE() << error.what();
        return 1000;
    }
    int most = 0;
    for (std::size_t i = 0; i < pixels.size(); ++i) most = std::max(most, std::abs(pixels[i] - expected[i]));
    return most;
}

TEST(ImageMatrix, ShowsWhatPillowShowsOfEveryFormatModeOrientationAndTransparency) {
    TemporaryFolder folder;
    const std::string list = folder / "list";
    const std::string command = python_for_checks() +
                                " -W ignore " THAW_SOURCE_DIR "/tests/worker/data/image_matrix.py " +
                                folder.path().string() + " >" + list;
    const int end = std::system(command.c_str());
    const int code = WIFEXITED(end) ? WEXITSTATUS(end) : -1;
    if (lacks_tools(code)) GTEST_SKIP() << "no Python with Pillow and numpy (THAW_PYTHON)";
    ASSERT_EQ(code, 0);
    std::istringstream lines(read_file(list));
    std::string name, reference;
    int tolerance = 0, decoder = 0, files = 0, failures = 0;
    for (; lines >> name >> reference >> tolerance >> decoder; ++files) {
        const int most = distance(folder / name, folder / reference);
        EXPECT_EQ(decoder_of(folder / name), decoder) << name;
        EXPECT_LE(most, tolerance) << name;
        failures += most > tolerance;
    }
    std::printf("%d files, %d failures\n", files, failures);
    EXPECT_GT(files, 500);
}

TEST(DecoderVersion, EntersTheIdentityOfADatasetOnlyAboveOne) {
    const ImageFile first{"a.png", 0, Part::train, "content"};
    ImageFile second = first;
    second.decoder = 2;
    EXPECT_EQ(first.pixels(), "content");
    EXPECT_NE(second.pixels(), first.pixels());
    const Dataset before{"folder", {"a", "b"}, {first}}, after{"folder", {"a", "b"}, {second}};
    EXPECT_NE(before.fingerprint(), after.fingerprint());
}

TEST(DecoderVersion, IsThatOfTheFilesPixels) {
    for (const char* name : {"photo.png", "rgba.png", "palette.png", "grey_alpha.png", "photo.webp", "photo.bmp",
                             "cmyk.jpg", "exif_6.jpg", "photo.gif"})
        EXPECT_EQ(decoder_of(kGolden / name), 1) << name;
    EXPECT_EQ(decoder_of(kGolden / "absent.png"), 1);
    TemporaryFolder folder;
    cv::imwrite(folder / "rgb.tif", picture(8, 8));
    cv::imwrite(folder / "deep.tif", cv::Mat(8, 8, CV_16U, cv::Scalar(300)));
    EXPECT_EQ(decoder_of(folder / "rgb.tif"), 1);
    EXPECT_EQ(decoder_of(folder / "deep.tif"), 2);
}

TEST(DecoderVersion, IsKeptInTheDatasetsFile) {
    TemporaryFolder folder;
    ImageFile image{"a.gif", 0, Part::train, "content"};
    image.decoder = 2;
    write_dataset(folder / "dataset.json", {"folder", {"a", "b"}, {image}});
    EXPECT_EQ(read_dataset(folder / "dataset.json").images.at(0).decoder, 2);
}

std::string reason_of(const std::filesystem::path& path) {
    std::vector<std::uint8_t> pixels(3 * 8 * 8);
    try {
        decode_image(path, {.image_size = 8}, pixels.data());
    } catch (const StageError& error) {
        return error.what();
    }
    return "was read";
}

TEST(NotAnImage, IsNamedForWhatItIs) {
    using namespace std::string_literals;
    TemporaryFolder folder;
    const std::pair<std::string, const char*> cases[] = {
        {"\0\0\0\x18"s + "ftypheic" + "\0\0\0\0"s + "mif1heic", "HEIC"},
        {"\0\0\0\x18"s + "ftypmif1" + "\0\0\0\0"s + "mif1heic", "HEIC"},
        {"\0\0\0\x1C"s + "ftypavif" + "\0\0\0\0"s + "avifmif1miaf", "AVIF"},
        {"\0\0\0\x1C"s + "ftypmif1" + "\0\0\0\0"s + "mif1avifmiaf", "AVIF"},
        {"\0\0\0\x0CjP  \r\n\x87\n"s, "JPEG 2000"},
        {"\xFF\x4F\xFF\x51\0\x2F"s, "JPEG 2000"},
        {"\xFF\x0A more", "JPEG XL"},
        {"\0\0\0\x18"s + "ftypmp42", "a video"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"},
        {"\n  <!DOCTYPE html><html>404</html>", "web page"},
        {"\xEF\xBB\xBF<HTML><body>log in", "web page"},
        {"<?xml version=\"1.0\"?><svg xmlns=\"\"/>", "SVG"},
        {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "XML"},
        {"{\"message\": \"not found\"}", "JSON"},
        {"%PDF-1.7", "PDF"},
        {"8BPS\0\1"s, "Photoshop"},
        {std::string(128, '\0') + "DICM", "DICOM"},
        {"RIFF\0"s, "not an image"},
        {"plain words", "not an image"},
    };
    for (const auto& [content, says] : cases) {
        write_file(folder / "photo.jpg", content);
        EXPECT_THAT(reason_of(folder / "photo.jpg"), testing::HasSubstr(says));
    }
}

TEST(ScientificTiff, IsRefusedByItsNameWhereItIsNotRead) {
    TemporaryFolder folder;
    cv::imwrite(folder / "floats.tif", cv::Mat(8, 8, CV_32F, cv::Scalar(0.5)));
    EXPECT_THAT(reason_of(folder / "floats.tif"), testing::HasSubstr("32-bit floating-point"));
    cv::imwrite(folder / "long.tif", cv::Mat(8, 8, CV_32S, cv::Scalar(5)));
    EXPECT_THAT(reason_of(folder / "long.tif"), testing::HasSubstr("32-bit"));
}

TEST(HostileTiffAndGif, AreReadOrRefused) {
    TemporaryFolder folder;
    cv::imwrite(folder / "rgb.tif", picture(40, 24));
    for (const std::filesystem::path& path : {folder / "rgb.tif", kGolden / "photo.gif", kGolden / "photo.webp"}) {
        const std::string whole = read_file(path);
        int refused = 0;
        for (std::size_t at = 0; at < whole.size(); at += whole.size() / 150 + 1) {
            std::string changed = whole;
            changed[at] = static_cast<char>(~changed[at]);
            write_file(folder / "changed", changed);
            refused += reason_of(folder / "changed") != "was read";
            write_file(folder / "changed", whole.substr(0, at));
            EXPECT_NE(reason_of(folder / "changed"), "was read") << path << " cut at " << at;
        }
        EXPECT_GT(refused, 0) << path;
    }
}

TEST(LargePhoto, IsReadAtAReducedScale) {
    TemporaryFolder folder;
    cv::imwrite(folder / "large.jpg", cv::Mat(9000, 12000, CV_8UC1, cv::Scalar(90)));
    std::vector<std::uint8_t> pixels(3 * 8 * 8);
    decode_image(folder / "large.jpg", {.image_size = 8}, pixels.data());
    EXPECT_THAT(pixels, testing::Each(90));
}

}  // namespace
}  // namespace thaw
