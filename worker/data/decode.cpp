// One image file to image_size x image_size RGB.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <system_error>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "worker/data/decode.hpp"
#include "worker/data/gif.hpp"
#include "worker/data/image_header.hpp"
#include "worker/data/jpeg.hpp"
#include "worker/data/pixels.hpp"
#include "worker/data/resize.hpp"
#include "worker/data/tiff.hpp"
#include "worker/data/webp.hpp"

namespace thaw {
namespace {

constexpr std::int64_t kMostPixelsOfMany = 64'000'000;     // in each thread
constexpr std::int64_t kMostPixels = 150'000'000;          // in one thread at a time
constexpr std::int64_t kMostPixelsOfJpeg = 1'000'000'000;  // which is never in memory as a whole

/// Images are decoded side by side, each in one thread; what OpenCV has to say comes as StageErrors.
void quiet_opencv() {
    static const bool done = [] {
        cv::setNumThreads(1);
        cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
        return true;
    }();
    static_cast<void>(done);
}

/// 16 bits keep their upper 8, as libpng and PIL do.
cv::Mat with_8_bits(const cv::Mat& decoded) {
    if (decoded.depth() != CV_16U) return decoded;
    cv::Mat bytes(decoded.size(), CV_MAKETYPE(CV_8U, decoded.channels()));
    for (int y = 0; y < decoded.rows; ++y) {
        const auto* row = decoded.ptr<std::uint16_t>(y);
        std::transform(row, row + decoded.cols * decoded.channels(), bytes.ptr<std::uint8_t>(y),
                       [](std::uint16_t value) { return static_cast<std::uint8_t>(value >> 8); });
    }
    return bytes;
}

cv::Mat imdecode(const std::string& bytes, int flags) {
    const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
    return cv::imdecode(buffer, flags);
}

/// The grey that a PNG's tRNS chunk calls transparent, as it is in pixels of 8 or 16 bits.
int transparent_grey(const std::string& png) {
    const std::size_t chunk = png.find("tRNS");
    const int bits = static_cast<unsigned char>(png[24]);
    if (chunk == png.npos || chunk + 6 > png.size()) return -1;
    const int grey = static_cast<unsigned char>(png[chunk + 4]) << 8 | static_cast<unsigned char>(png[chunk + 5]);
    return bits < 8 ? (grey & ((1 << bits) - 1)) * 255 / ((1 << bits) - 1) : grey & ((1 << bits) - 1);
}

/// Grey pixels as colours, those of one grey white.
cv::Mat grey_over_white(const cv::Mat& grey, int transparent) {
    cv::Mat bytes = with_8_bits(grey).clone(), colours;
    bytes.setTo(255, grey == transparent);
    cv::cvtColor(bytes, colours, cv::COLOR_GRAY2BGR);
    return colours;
}

/// IMREAD_COLOR applies the EXIF rotation; only IMREAD_UNCHANGED keeps alpha.
cv::Mat decode_png(const std::string& bytes, const ImageHeader& header) {
    const std::string source = essential_png(bytes);
    if (!header.alpha) return imdecode(source, cv::IMREAD_COLOR);
    const cv::Mat decoded = imdecode(source, cv::IMREAD_UNCHANGED);
    if (decoded.channels() == 4) return upright(over_white(with_8_bits(decoded)), header.orientation);
    if (decoded.channels() == 1 && !decoded.empty())
        return upright(grey_over_white(decoded, transparent_grey(source)), header.orientation);
    return imdecode(source, cv::IMREAD_COLOR);
}

cv::Mat decode_rgb(const std::string& bytes, const ImageHeader& header) {
    if (header.format == ImageFormat::jpeg) return decode_jpeg(bytes, kMostPixelsOfMany);
    if (header.format == ImageFormat::tiff) return decode_tiff(bytes);
    if (header.format == ImageFormat::gif) return decode_gif(bytes);
    if (header.format == ImageFormat::webp) return decode_webp(bytes, header.orientation);
    cv::Mat pixels = header.format == ImageFormat::png ? decode_png(bytes, header) : imdecode(bytes, cv::IMREAD_COLOR);
    if (pixels.empty()) throw StageError("damaged or truncated: its pixels cannot be decoded");
    for (auto pixel = pixels.begin<cv::Vec3b>(); pixel != pixels.end<cv::Vec3b>(); ++pixel)
        std::swap((*pixel)[0], (*pixel)[2]);  // BGR to RGB, in place
    return pixels;
}

/// ITU-R 601's luminance in all three channels, rounded as PIL's convert("L") does (its L24, in 16-bit fractions).
void to_luminance(cv::Mat& rgb) {
    for (auto pixel = rgb.begin<cv::Vec3b>(); pixel != rgb.end<cv::Vec3b>(); ++pixel) {
        const auto grey =
            static_cast<std::uint8_t>(((*pixel)[0] * 19595 + (*pixel)[1] * 38470 + (*pixel)[2] * 7471 + 0x8000) >> 16);
        *pixel = {grey, grey, grey};
    }
}

void check_size(const ImageHeader& header) {
    if (header.width < 1 || header.height < 1) throw StageError("damaged: it has no pixels");
    const std::int64_t most = header.format == ImageFormat::jpeg ? kMostPixelsOfJpeg : kMostPixels;
    if (header.width > most / header.height)
        throw StageError("{} x {} pixels are more than thaw takes ({} megapixels); shrink it", header.width,
                         header.height, most / 1'000'000);
}

void decode_or_throw(const std::filesystem::path& path, const DecodeOptions& options, std::uint8_t* out) {
    const std::string bytes = read_file(path);
    const ImageHeader header = read_image_header(bytes);
    check_size(header);
    // Threads decode side by side, but only one of them a picture that takes up to a gigabyte.
    static std::mutex large_pictures;
    std::unique_lock one_at_a_time(large_pictures, std::defer_lock);
    if (header.width * header.height > kMostPixelsOfMany) one_at_a_time.lock();
    cv::Mat image = decode_rgb(bytes, header);
    if (options.grey) to_luminance(image);
    resize_image({image.data, image.cols, image.rows, image.step[0]}, options, out);
}

}  // namespace

const char* decoder_version() {
    // To be raised with every change to the pixels of all files; where a format's alone change, its own version is
    // (ImageHeader::decoder).
    return "1";
}

int decoder_of(const std::filesystem::path& path) {
    constexpr std::size_t kBeginning = 8192;  // opaque PNGs tell all in it
    std::string beginning(kBeginning, '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(beginning.data(), kBeginning);
    beginning.resize(static_cast<std::size_t>(file.gcount()));
    if (beginning.starts_with("\xFF\xD8")) return 1;  // of JPEG there is one version
    for (const bool whole : {false, true}) try {
            return read_image_header(whole ? read_file(path) : beginning).decoder;
        } catch (const std::exception&) {
            if (beginning.size() < kBeginning) return 1;
        }
    return 1;
}

void decode_image(const std::filesystem::path& path, const DecodeOptions& options, std::uint8_t* out) {
    quiet_opencv();
    try {
        decode_or_throw(path, options, out);
    } catch (const StageError& error) {
        throw StageError("{}: {}", path.string(), error.what());
    } catch (const std::system_error& error) {
        throw StageError("{}: cannot be read: {}", path.string(), error.code().message());
    } catch (const cv::Exception& error) {
        throw StageError("{}: cannot be decoded: {}", path.string(), error.err);
    }
}

}  // namespace thaw
