#include "worker/data/image_header.hpp"

#include <cctype>
#include <cstddef>
#include <cstdlib>

#include "common/util/error.hpp"

namespace thaw {
namespace {

using std::size_t;

/// Unsigned integers at an offset; past the end of the file is an error, not undefined behaviour.
class Bytes {
  public:
    explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

    std::uint32_t big(size_t at, size_t count) const { return integer(at, count, true); }
    std::uint32_t little(size_t at, size_t count) const { return integer(at, count, false); }
    std::uint32_t integer(size_t at, size_t count, bool big_endian) const {
        std::uint32_t value = 0;
        for (size_t i = 0; i < count; ++i) value = value << 8 | byte(big_endian ? at + i : at + count - 1 - i);
        return value;
    }
    std::uint8_t byte(size_t at) const {
        if (at >= bytes_.size()) throw StageError("truncated: it ends after {} bytes", bytes_.size());
        return static_cast<std::uint8_t>(bytes_[at]);
    }
    std::string_view view(size_t at, size_t count) const {
        if (at > bytes_.size() || count > bytes_.size() - at)
            throw StageError("truncated: it ends after {} bytes", bytes_.size());
        return bytes_.substr(at, count);
    }
    size_t size() const { return bytes_.size(); }

  private:
    std::string_view bytes_;
};

constexpr int kStartOfScan = 0xDA, kEndOfImage = 0xD9;

/// SOF0 to SOF15 carry the size; DHT, JPG and DAC lie among their numbers.
bool is_frame(int marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Markers that stand alone: TEM, RST0 to RST7, SOI; and a stray zero.
bool has_no_length(int marker) {
    return marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8);
}

/// Calls use(type, whole chunk) for each chunk up to and with IEND, or until it returns false.
template <typename Use>
void walk_png(const Bytes& bytes, const Use& use) {
    for (size_t at = 8;;) {
        const std::string_view type = bytes.view(at + 4, 4);
        const std::string_view chunk = bytes.view(at, size_t{12} + bytes.big(at, 4));
        if (!use(type, chunk) || type == "IEND") return;
        at += chunk.size();
    }
}

/// Walks from segment to segment (thumbnails, which have headers of their own, hide in some) to the frame's.
ImageHeader jpeg_header(const Bytes& bytes) {
    for (size_t at = 2;;) {
        while (bytes.byte(at) != 0xFF) ++at;
        while (bytes.byte(at) == 0xFF) ++at;
        const int marker = bytes.byte(at++);
        if (marker == kStartOfScan || marker == kEndOfImage) throw StageError("damaged: no size before the image data");
        if (is_frame(marker)) return {ImageFormat::jpeg, bytes.big(at + 5, 2), bytes.big(at + 3, 2), false};
        if (!has_no_length(marker)) at += bytes.big(at, 2);
    }
}

ImageHeader png_header(const Bytes& bytes) {
    if (bytes.view(12, 4) != "IHDR") throw StageError("damaged: a PNG without its header chunk");
    ImageHeader header{ImageFormat::png, bytes.big(16, 4), bytes.big(20, 4), (bytes.byte(25) & 4) != 0};
    walk_png(bytes, [&](std::string_view type, std::string_view) {
        header.alpha |= type == "tRNS";
        return type != "IDAT";
    });
    return header;
}

ImageHeader bmp_header(const Bytes& bytes) {
    if (bytes.little(14, 4) == 12) return {ImageFormat::bmp, bytes.little(18, 2), bytes.little(20, 2), false};
    const auto height = static_cast<std::int32_t>(bytes.little(22, 4));  // negative: top row first
    return {ImageFormat::bmp, bytes.little(18, 4), std::abs(static_cast<std::int64_t>(height)), false};
}

ImageHeader webp_header(const Bytes& bytes) {
    const std::string_view kind = bytes.view(12, 4);
    if (kind == "VP8 ") return {ImageFormat::webp, bytes.little(26, 2) & 0x3FFF, bytes.little(28, 2) & 0x3FFF, false};
    const std::uint32_t packed = bytes.little(21, 4);
    if (kind == "VP8L")
        return {ImageFormat::webp, (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, (packed >> 28 & 1) != 0};
    return {ImageFormat::webp, bytes.little(24, 3) + 1, bytes.little(27, 3) + 1, (bytes.byte(20) & 0x10) != 0};
}

/// "P6", then width and height in decimal, with comments and blanks between.
ImageHeader ppm_header(const Bytes& bytes) {
    std::int64_t sides[2];
    size_t at = 2;
    for (std::int64_t& side : sides) {
        while (std::isspace(bytes.byte(at)) || bytes.byte(at) == '#') {
            if (bytes.byte(at) == '#')
                while (bytes.byte(at) != '\n') ++at;
            ++at;
        }
        if (!std::isdigit(bytes.byte(at))) throw StageError("damaged: no size in its header");
        side = 0;
        while (std::isdigit(bytes.byte(at)) && side < 1'000'000'000) side = side * 10 + (bytes.byte(at++) - '0');
    }
    return {ImageFormat::ppm, sides[0], sides[1], false};
}

/// A number in the first directory of a TIFF file or EXIF block; `otherwise` where the tag is not in it.
std::uint32_t tiff_value(const Bytes& bytes, std::uint32_t tag, std::uint32_t otherwise) {
    const bool big_endian = bytes.byte(0) == 'M';
    const size_t directory = bytes.integer(4, 4, big_endian);
    const size_t entries = bytes.integer(directory, 2, big_endian);
    for (size_t i = 0; i < entries; ++i) {
        const size_t entry = directory + 2 + 12 * i;
        const bool is_short = bytes.integer(entry + 2, 2, big_endian) == 3;
        if (bytes.integer(entry, 2, big_endian) == tag) return bytes.integer(entry + 8, is_short ? 2 : 4, big_endian);
    }
    return otherwise;
}

ImageHeader tiff_header(const Bytes& bytes) {
    constexpr std::uint32_t kWidth = 256, kLength = 257;
    return {ImageFormat::tiff, tiff_value(bytes, kWidth, 0), tiff_value(bytes, kLength, 0), false};
}

}  // namespace

ImageHeader read_image_header(std::string_view file) {
    using namespace std::string_view_literals;
    const Bytes bytes(file);
    if (file.empty()) throw StageError("empty file");
    if (file.starts_with("\xFF\xD8\xFF")) return jpeg_header(bytes);
    if (file.starts_with("\x89PNG\r\n\x1A\n")) return png_header(bytes);
    if (file.starts_with("RIFF") && file.substr(8).starts_with("WEBP")) return webp_header(bytes);
    if (file.starts_with("II*\0"sv) || file.starts_with("MM\0*"sv)) return tiff_header(bytes);
    if (file.starts_with("GIF8")) return {ImageFormat::gif, bytes.little(6, 2), bytes.little(8, 2), false};
    if (file.starts_with("BM")) return bmp_header(bytes);
    if (file.size() > 2 && file[0] == 'P' && file[1] >= '1' && file[1] <= '6') return ppm_header(bytes);
    throw StageError("not an image (nor JPEG, PNG, BMP, WebP, PPM, TIFF or GIF by its content)");
}

int exif_orientation(std::string_view exif) {
    constexpr std::uint32_t kOrientation = 274;
    try {
        return exif.empty() ? 1 : static_cast<int>(tiff_value(Bytes(exif), kOrientation, 1));
    } catch (const StageError&) {
        return 1;  // damaged EXIF says nothing about the pixels
    }
}

std::string essential_png(std::string_view file) {
    std::string kept(file.substr(0, 8));
    walk_png(Bytes(file), [&](std::string_view type, std::string_view chunk) {
        const bool critical = std::isupper(static_cast<unsigned char>(type[0]));
        if (critical || type == "tRNS" || type == "eXIf") kept += chunk;
        return true;
    });
    return kept;
}

}  // namespace thaw
