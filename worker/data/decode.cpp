// One image file to image_size x image_size RGB.
#include <fmt/format.h>

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <system_error>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "worker/data/decode.hpp"
#include "worker/data/image_header.hpp"
#include "worker/data/jpeg.hpp"
#include "worker/data/resize.hpp"

namespace thaw {
namespace {

constexpr std::int64_t kMaxPixels = 64'000'000;

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

/// BGRA over white, rounded as PIL's paste does.
cv::Mat over_white(const cv::Mat& bgra) {
    cv::Mat flat(bgra.size(), CV_8UC3);
    std::transform(bgra.begin<cv::Vec4b>(), bgra.end<cv::Vec4b>(), flat.begin<cv::Vec3b>(), [](const cv::Vec4b& pixel) {
        cv::Vec3b blended;
        for (int i = 0; i < 3; ++i) {
            const int sum = pixel[i] * pixel[3] + 255 * (255 - pixel[3]) + 128;
            blended[i] = static_cast<std::uint8_t>((sum + (sum >> 8)) >> 8);
        }
        return blended;
    });
    return flat;
}

cv::Mat imdecode(const std::string& bytes, int flags) {
    const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
    return cv::imdecode(buffer, flags);
}

/// IMREAD_COLOR applies the EXIF rotation of PNG and WebP; only IMREAD_UNCHANGED keeps alpha.
cv::Mat decode_bgr(const std::filesystem::path& path, const std::string& bytes, const ImageHeader& header) {
    if (header.format == ImageFormat::gif)  // GDAL's business: the first frame
        return cv::imread(path, cv::IMREAD_COLOR | cv::IMREAD_LOAD_GDAL);
    const std::string source = header.format == ImageFormat::png ? essential_png(bytes) : bytes;
    if (!header.alpha) return imdecode(source, cv::IMREAD_COLOR);
    const cv::Mat decoded = with_8_bits(imdecode(source, cv::IMREAD_UNCHANGED));
    return decoded.channels() == 4 ? over_white(decoded) : imdecode(source, cv::IMREAD_COLOR);
}

cv::Mat decode_rgb(const std::filesystem::path& path, const std::string& bytes, const ImageHeader& header) {
    if (header.format == ImageFormat::jpeg) return decode_jpeg(bytes);
    const cv::Mat bgr = decode_bgr(path, bytes, header);
    if (bgr.empty()) throw StageError("damaged or truncated: its pixels cannot be decoded");
    cv::Mat rgb;
    cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
    return rgb;
}

/// ITU-R 601's luminance in all three channels, rounded as PIL's convert("L") does (its L24, in 16-bit fractions).
void to_luminance(cv::Mat& rgb) {
    for (auto pixel = rgb.begin<cv::Vec3b>(); pixel != rgb.end<cv::Vec3b>(); ++pixel) {
        const auto grey =
            static_cast<std::uint8_t>(((*pixel)[0] * 19595 + (*pixel)[1] * 38470 + (*pixel)[2] * 7471 + 0x8000) >> 16);
        *pixel = {grey, grey, grey};
    }
}

void decode_or_throw(const std::filesystem::path& path, const DecodeOptions& options, std::uint8_t* out) {
    const std::string bytes = read_file(path);
    const ImageHeader header = read_image_header(bytes);
    if (header.width < 1 || header.height < 1) throw StageError("damaged: it has no pixels");
    if (header.width > kMaxPixels / header.height)
        throw StageError("{} x {} pixels are more than thaw takes ({} megapixels); shrink it", header.width,
                         header.height, kMaxPixels / 1'000'000);
    cv::Mat image = decode_rgb(path, bytes, header);
    if (options.grey) to_luminance(image);
    resize_image({image.data, image.cols, image.rows, image.step[0]}, options, out);
}

}  // namespace

const char* decoder_version() {
    return "1";  // to be raised with every change that changes a decoded pixel
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
