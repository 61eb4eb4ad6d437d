#include "worker/data/tiff.hpp"

#include <tiffio.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "common/util/error.hpp"
#include "worker/data/pixels.hpp"

namespace thaw {
namespace {

constexpr tmsize_t kMostBytesAtOnce = 1 << 30;  // that libtiff may allocate, whatever a file claims

/// A file in memory, and libtiff's last complaint about it.
struct TiffSource {
    std::string_view bytes;
    std::uint64_t at = 0;
    char complaint[300] = "";
};

TiffSource& source_of(thandle_t handle) {
    return *static_cast<TiffSource*>(handle);
}

tmsize_t read_tiff(thandle_t handle, void* to, tmsize_t count) {
    TiffSource& source = source_of(handle);
    const std::uint64_t left = source.at < source.bytes.size() ? source.bytes.size() - source.at : 0;
    const std::uint64_t taken = std::min(left, static_cast<std::uint64_t>(count));
    if (taken > 0) std::memcpy(to, source.bytes.data() + source.at, taken);
    source.at += taken;
    return static_cast<tmsize_t>(taken);
}

toff_t seek_tiff(thandle_t handle, toff_t offset, int from) {
    TiffSource& source = source_of(handle);
    source.at = offset + (from == SEEK_CUR ? source.at : from == SEEK_END ? source.bytes.size() : 0);
    return source.at;
}

int keep_complaint(TIFF*, void* source, const char*, const char* format, va_list arguments) {
    std::vsnprintf(static_cast<TiffSource*>(source)->complaint, sizeof TiffSource::complaint, format, arguments);
    return 1;
}

struct CloseTiff {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

Tiff open_tiff(TiffSource& source) {
    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                   &TIFFOpenOptionsFree);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMostBytesAtOnce);
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), &keep_complaint, &source);
    TIFFOpenOptionsSetWarningHandlerExtR(
        options.get(), [](TIFF*, void*, const char*, const char*, va_list) { return 1; }, nullptr);
    return Tiff(TIFFClientOpenExt(
        "image", "rm", &source, &read_tiff, [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; }, &seek_tiff,
        [](thandle_t) { return 0; }, [](thandle_t handle) -> toff_t { return source_of(handle).bytes.size(); },
        [](thandle_t, void**, toff_t*) { return 0; }, [](thandle_t, void*, toff_t) {}, options.get()));
}

[[noreturn]] void fail_tiff(const TiffSource& source) {
    throw StageError("damaged or truncated: {}", source.complaint[0] ? source.complaint : "it cannot be decoded");
}

template <typename Number>
Number field_of(TIFF* tiff, std::uint32_t tag, Number otherwise) {
    Number value = otherwise;
    return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : otherwise;
}

struct TiffLayout {
    std::uint32_t width, height;
    std::uint16_t bits, samples, planar, photometric, format, orientation;
};

TiffLayout layout_of(TIFF* tiff) {
    return {field_of<std::uint32_t>(tiff, TIFFTAG_IMAGEWIDTH, 0),
            field_of<std::uint32_t>(tiff, TIFFTAG_IMAGELENGTH, 0),
            field_of<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, 1),
            field_of<std::uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, 1),
            field_of<std::uint16_t>(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG),
            field_of<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK),
            field_of<std::uint16_t>(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT),
            field_of<std::uint16_t>(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT)};
}

void refuse_unusual_samples(const TiffLayout& layout) {
    if (layout.format == SAMPLEFORMAT_IEEEFP)
        throw StageError(
            "a TIFF of {}-bit floating-point numbers, of which only you know what is white; convert it to 8 or 16 bits",
            layout.bits);
    if (layout.bits > 16 || layout.format == SAMPLEFORMAT_INT || layout.format > SAMPLEFORMAT_VOID)
        throw StageError("a TIFF of {}-bit {} numbers; convert it to 8 or 16 bits without sign", layout.bits,
                         layout.format == SAMPLEFORMAT_INT   ? "signed"
                         : layout.format > SAMPLEFORMAT_VOID ? "complex"
                                                             : "whole");
}

/// The samples of an image of 16 bits, [height, width, sample], from strips or tiles.
std::vector<std::uint16_t> samples_of(TIFF* tiff, const TiffLayout& layout, const TiffSource& source) {
    const std::size_t row = std::size_t{layout.width} * layout.samples;
    if (row * layout.height * 2 > static_cast<std::size_t>(kMostBytesAtOnce))
        throw StageError("{} x {} pixels of {} samples of 16 bits are more than thaw takes; convert it to 8 bits",
                         layout.width, layout.height, layout.samples);
    std::vector<std::uint16_t> samples(row * layout.height);
    if (!TIFFIsTiled(tiff)) {
        if (static_cast<std::size_t>(TIFFScanlineSize(tiff)) != row * 2) fail_tiff(source);
        for (std::uint32_t y = 0; y < layout.height; ++y)
            if (TIFFReadScanline(tiff, samples.data() + y * row, y) < 0) fail_tiff(source);
        return samples;
    }
    const auto tile_width = field_of<std::uint32_t>(tiff, TIFFTAG_TILEWIDTH, 0),
               tile_height = field_of<std::uint32_t>(tiff, TIFFTAG_TILELENGTH, 0);
    const tmsize_t tile_bytes = TIFFTileSize(tiff);
    const std::size_t tile_row = std::size_t{tile_width} * layout.samples;
    if (tile_bytes <= 0 || tile_bytes > kMostBytesAtOnce ||
        tile_row * tile_height * 2 != static_cast<std::size_t>(tile_bytes))
        throw StageError("damaged: tiles of {} x {} pixels", tile_width, tile_height);
    std::vector<std::uint16_t> tile(static_cast<std::size_t>(tile_bytes) / 2);
    for (std::uint32_t y = 0; y < layout.height; y += tile_height)
        for (std::uint32_t x = 0; x < layout.width; x += tile_width) {
            if (TIFFReadTile(tiff, tile.data(), x, y, 0, 0) < 0) fail_tiff(source);
            const std::size_t count = std::size_t{std::min(tile_width, layout.width - x)} * layout.samples;
            for (std::uint32_t t = 0; t < std::min(tile_height, layout.height - y); ++t)
                std::copy_n(tile.data() + t * tile_row, count,
                            samples.data() + (y + t) * row + std::size_t{x} * layout.samples);
        }
    return samples;
}

/// What 16-bit samples are white at.
std::uint32_t white_of(TIFF* tiff, const std::vector<std::uint16_t>& samples) {
    constexpr std::uint32_t kTwelveBits = 4095, kSixteenBits = 65535;
    const std::uint32_t largest = samples.empty() ? 0 : *std::ranges::max_element(samples);
    std::uint16_t stated = 0;
    if (TIFFGetField(tiff, TIFFTAG_MAXSAMPLEVALUE, &stated) && stated > 255 && stated >= largest) return stated;
    return largest <= kTwelveBits ? kTwelveBits : kSixteenBits;
}

bool has_alpha(TIFF* tiff) {
    std::uint16_t count = 0;
    const std::uint16_t* kinds = nullptr;
    return TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) && count > 0 && kinds[0] != EXTRASAMPLE_UNSPECIFIED;
}

bool is_premultiplied(TIFF* tiff) {
    std::uint16_t count = 0;
    const std::uint16_t* kinds = nullptr;
    return TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) && count > 0 && kinds[0] == EXTRASAMPLE_ASSOCALPHA;
}

/// Colours that have been multiplied by their alpha, over white.
cv::Vec3b premultiplied_over_white(const cv::Vec4b& pixel) {
    cv::Vec3b flat;
    for (int i = 0; i < 3; ++i) flat[i] = static_cast<std::uint8_t>(std::min(255, pixel[i] + 255 - pixel[3]));
    return flat;
}

/// Grey or RGB of 16 bits, with or without alpha.
cv::Mat decode_16_bits(TIFF* tiff, const TiffLayout& layout, const TiffSource& source) {
    const std::vector<std::uint16_t> samples = samples_of(tiff, layout, source);
    const std::uint32_t white = white_of(tiff, samples);
    const bool grey = layout.photometric != PHOTOMETRIC_RGB, inverted = layout.photometric == PHOTOMETRIC_MINISWHITE;
    const std::size_t colours = grey ? 1 : 3;
    const bool alpha = layout.samples > colours && has_alpha(tiff), premultiplied = is_premultiplied(tiff);
    const auto byte = [&](std::uint16_t sample) {
        return static_cast<std::uint8_t>(
            white == 65535 ? sample >> 8 : std::min<std::uint32_t>(255, (sample * 255U + white / 2) / white));
    };
    cv::Mat pixels(static_cast<int>(layout.height), static_cast<int>(layout.width), alpha ? CV_8UC4 : CV_8UC3);
    std::uint8_t* to = pixels.data;
    for (std::size_t at = 0; at < samples.size(); at += layout.samples) {
        for (std::size_t i = 0; i < 3; ++i)
            *to++ = static_cast<std::uint8_t>(byte(samples[at + (grey ? 0 : i)]) ^ (inverted ? 255 : 0));
        if (alpha) *to++ = byte(samples[at + colours]);
    }
    if (!alpha) return pixels;
    if (!premultiplied) return over_white(pixels);
    cv::Mat flat(pixels.size(), CV_8UC3);
    std::transform(pixels.begin<cv::Vec4b>(), pixels.end<cv::Vec4b>(), flat.begin<cv::Vec3b>(),
                   &premultiplied_over_white);
    return flat;
}

/// All else that libtiff itself makes RGBA of.
cv::Mat decode_by_libtiff(TIFF* tiff, const TiffLayout& layout, const TiffSource& source) {
    char why[1024] = "";
    TIFFRGBAImage image;
    if (!TIFFRGBAImageOK(tiff, why) || !TIFFRGBAImageBegin(&image, tiff, 1, why))
        throw StageError("a TIFF of a kind that is not read ({}); convert it to PNG or JPEG", why);
    const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> end(&image, &TIFFRGBAImageEnd);
    image.orientation = image.req_orientation = ORIENTATION_TOPLEFT;  // the rows as they are stored
    cv::Mat pixels(static_cast<int>(layout.height), static_cast<int>(layout.width), CV_8UC4);
    if (!TIFFRGBAImageGet(&image, reinterpret_cast<std::uint32_t*>(pixels.data), layout.width, layout.height))
        fail_tiff(source);
    const bool alpha = has_alpha(tiff);
    // libtiff multiplies colours by their alpha, where the file has not, and leaves greys as they are.
    if (alpha && layout.photometric <= PHOTOMETRIC_MINISBLACK && !is_premultiplied(tiff)) return over_white(pixels);
    cv::Mat flat(pixels.size(), CV_8UC3);
    std::transform(pixels.begin<cv::Vec4b>(), pixels.end<cv::Vec4b>(), flat.begin<cv::Vec3b>(),
                   [&](const cv::Vec4b& pixel) {
                       return alpha ? premultiplied_over_white(pixel) : cv::Vec3b(pixel[0], pixel[1], pixel[2]);
                   });
    return flat;
}

}  // namespace

cv::Mat decode_tiff(std::string_view bytes) {
    TiffSource source{bytes};
    const Tiff tiff = open_tiff(source);
    if (!tiff) fail_tiff(source);
    const TiffLayout layout = layout_of(tiff.get());
    refuse_unusual_samples(layout);
    const bool plain = layout.photometric <= PHOTOMETRIC_RGB &&
                       layout.samples >= (layout.photometric == PHOTOMETRIC_RGB ? 3 : 1) && layout.samples <= 16 &&
                       (layout.planar == PLANARCONFIG_CONTIG || layout.samples == 1);
    const cv::Mat stored = layout.bits == 16 && plain ? decode_16_bits(tiff.get(), layout, source)
                                                      : decode_by_libtiff(tiff.get(), layout, source);
    return upright(stored, layout.orientation);
}

}  // namespace thaw
