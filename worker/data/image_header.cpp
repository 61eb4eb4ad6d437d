#include "worker/data/image_header.hpp"

#include <algorithm>
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
    std::uint64_t integer64(size_t at, bool big_endian) const {
        const std::uint64_t first = integer(at, 4, big_endian), second = integer(at + 4, 4, big_endian);
        return big_endian ? first << 32 | second : second << 32 | first;
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
        if (is_frame(marker)) return {ImageFormat::jpeg, bytes.big(at + 5, 2), bytes.big(at + 3, 2)};
        if (!has_no_length(marker)) at += bytes.big(at, 2);
    }
}

/// The first version of the decoder left the rotation of pictures with alpha, and one transparent grey.
ImageHeader png_header(const Bytes& bytes) {
    if (bytes.view(12, 4) != "IHDR") throw StageError("damaged: a PNG without its header chunk");
    ImageHeader header{ImageFormat::png, bytes.big(16, 4), bytes.big(20, 4), (bytes.byte(25) & 4) != 0};
    constexpr int kGrey = 0;
    bool pixels = false;
    walk_png(bytes, [&](std::string_view type, std::string_view chunk) {
        header.alpha |= type == "tRNS" && !pixels;
        if (type == "tRNS" && !pixels && bytes.byte(25) == kGrey) header.decoder = 2;
        if (type == "eXIf") header.orientation = exif_orientation(chunk.substr(8, chunk.size() - 12));
        pixels |= type == "IDAT";
        return !pixels || header.alpha;  // else the rotation is OpenCV's business
    });
    if (header.alpha && header.orientation != 1) header.decoder = 2;
    return header;
}

ImageHeader bmp_header(const Bytes& bytes) {
    if (bytes.little(14, 4) == 12) return {ImageFormat::bmp, bytes.little(18, 2), bytes.little(20, 2)};
    const auto height = static_cast<std::int32_t>(bytes.little(22, 4));  // negative: top row first
    return {ImageFormat::bmp, bytes.little(18, 4), std::abs(static_cast<std::int64_t>(height))};
}

/// The EXIF block of an extended WebP; empty where there is none.
std::string_view webp_exif(const Bytes& bytes) {
    try {
        for (size_t at = 12;;) {
            const size_t length = bytes.little(at + 4, 4);
            if (bytes.view(at, 4) == "EXIF") {
                const std::string_view exif = bytes.view(at + 8, length);
                return exif.starts_with("Exif") ? exif.substr(std::min<size_t>(6, exif.size())) : exif;
            }
            at += 8 + length + length % 2;
        }
    } catch (const StageError&) {
        return {};
    }
}

/// The first version of the decoder read no animations, and turned nothing.
ImageHeader webp_header(const Bytes& bytes) {
    const std::string_view kind = bytes.view(12, 4);
    if (kind == "VP8 ") return {ImageFormat::webp, bytes.little(26, 2) & 0x3FFF, bytes.little(28, 2) & 0x3FFF};
    const std::uint32_t packed = bytes.little(21, 4);
    if (kind == "VP8L")
        return {ImageFormat::webp, (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, (packed >> 28 & 1) != 0};
    constexpr int kAnimation = 0x02, kExif = 0x08, kAlpha = 0x10;
    const int flags = bytes.byte(20);
    ImageHeader header{ImageFormat::webp, bytes.little(24, 3) + 1, bytes.little(27, 3) + 1, (flags & kAlpha) != 0};
    if (flags & kExif) header.orientation = exif_orientation(webp_exif(bytes));
    if ((flags & kAnimation) || header.orientation != 1) header.decoder = 2;
    return header;
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
    return {ImageFormat::ppm, sides[0], sides[1]};
}

/// A number in the first directory of a TIFF or BigTIFF file or EXIF block, the first of several; `otherwise` where the
/// tag is not in it.
std::uint32_t tiff_value(const Bytes& bytes, std::uint32_t tag, std::uint32_t otherwise) {
    constexpr std::uint32_t kBigTiff = 43, kShort = 3;
    const bool big_endian = bytes.byte(0) == 'M', big = bytes.integer(2, 2, big_endian) == kBigTiff;
    const size_t directory = big ? bytes.integer64(8, big_endian) : bytes.integer(4, 4, big_endian);
    const size_t entries = big ? bytes.integer64(directory, big_endian) : bytes.integer(directory, 2, big_endian);
    const size_t entry_bytes = big ? 20 : 12, value_at = big ? 12 : 8;
    size_t entry = directory + (big ? 8 : 2);
    for (size_t i = 0; i < entries; ++i, entry += entry_bytes) {
        if (bytes.integer(entry, 2, big_endian) != tag) continue;
        const bool is_short = bytes.integer(entry + 2, 2, big_endian) == kShort;
        const size_t inside = big ? 8 : 4, count = bytes.integer(entry + 4, 4, big_endian);
        size_t at = entry + value_at;
        if (is_short && count > inside / 2 && !big) at = bytes.integer(at, 4, big_endian);
        return bytes.integer(at, is_short ? 2 : 4, big_endian);
    }
    return otherwise;
}

/// Of these kinds the first version of the decoder made the same pixels; it knew no alpha, and no 12 bits in 16.
ImageHeader tiff_header(const Bytes& bytes) {
    constexpr std::uint32_t kWidth = 256, kLength = 257, kBits = 258, kPhotometric = 262, kPlanes = 284,
                            kTileWidth = 322, kExtraSamples = 338;
    constexpr std::uint32_t kGrey = 1, kRgb = 2, kPalette = 3, kCmyk = 5;
    const auto value = [&](std::uint32_t tag, std::uint32_t otherwise) { return tiff_value(bytes, tag, otherwise); };
    ImageHeader header{ImageFormat::tiff, value(kWidth, 0), value(kLength, 0)};
    const std::uint32_t bits = value(kBits, 1), photometric = value(kPhotometric, 0);
    const bool same = (bits == 1 || bits == 8) && value(kExtraSamples, 0) == 0 && value(kPlanes, 1) == 1 &&
                      value(kTileWidth, 0) == 0 &&
                      (photometric == kGrey || photometric == kRgb || photometric == kPalette || photometric == kCmyk);
    if (!same) header.decoder = 2;
    return header;
}

/// The place behind the blocks of an extension or of a frame's pixels.
size_t behind_blocks(const Bytes& bytes, size_t at) {
    while (const size_t length = bytes.byte(at)) at += 1 + length;
    return at + 1;
}

/// Whether the file is one opaque frame, as large as the canvas and in the palette of the file.
bool is_still_gif(const Bytes& bytes) {
    constexpr int kExtension = 0x21, kFrame = 0x2C, kControl = 0xF9, kHasTable = 0x80;
    if (!(bytes.byte(10) & kHasTable)) return false;
    int frames = 0;
    size_t at = 13 + (size_t{3} << ((bytes.byte(10) & 7) + 1));
    for (;;) {
        const int kind = bytes.byte(at);
        if (kind == kExtension) {
            if (bytes.byte(at + 1) == kControl && (bytes.byte(at + 3) & 1)) return false;
            at = behind_blocks(bytes, at + 2);
        } else if (kind == kFrame) {
            const bool whole = bytes.little(at + 1, 4) == 0 && bytes.little(at + 5, 4) == bytes.little(6, 4);
            if (++frames > 1 || !whole || (bytes.byte(at + 9) & kHasTable)) return false;
            at = behind_blocks(bytes, at + 11);
        } else {
            return frames == 1;
        }
    }
}

/// The first version of the decoder showed another frame's colours, and black for what is transparent.
ImageHeader gif_header(const Bytes& bytes) {
    ImageHeader header{ImageFormat::gif, bytes.little(6, 2), bytes.little(8, 2)};
    if (!is_still_gif(bytes)) header.decoder = 2;
    return header;
}

/// What people take for images, by what their content has at some place.
struct Stranger {
    size_t at;
    std::string_view magic;
    const char* what;
};
constexpr const char* kHeic = "a HEIC photo (an iPhone's); convert it to JPEG: heif-convert IN.heic OUT.jpg";
constexpr const char* kAvif = "an AVIF image; convert it to JPEG or PNG: heif-convert IN.avif OUT.jpg";
constexpr const char* kJpeg2000 = "a JPEG 2000 image; convert it to JPEG or PNG: opj_decompress -i IN.jp2 -o OUT.png";
constexpr const char* kPage = "a web page, not an image; the download went wrong (a login, an error), fetch it again";
using namespace std::string_view_literals;
constexpr Stranger kStrangers[] = {
    {4, "ftypavi", kAvif},
    {4, "ftyphei", kHeic},
    {4, "ftyphev", kHeic},
    {4, "ftypmif1", kHeic},
    {4, "ftypmsf1", kHeic},
    {4, "ftypcrx ", "a camera's raw photo (CR3); develop it to JPEG or TIFF"},
    {4, "ftyp", "a video (MP4 or QuickTime), not an image"},
    {4, "jP  ", kJpeg2000},
    {0, "\xFF\x4F\xFF\x51", kJpeg2000},
    {4, "JXL ", "a JPEG XL image; convert it to JPEG or PNG: djxl IN.jxl OUT.png"},
    {0, "\xFF\x0A", "a JPEG XL image; convert it to JPEG or PNG: djxl IN.jxl OUT.png"},
    {0, "version https://git-lfs", "Git LFS's pointer to the image, not the image; run: git lfs pull"},
    {0, "%PDF", "a PDF document; convert its pages to PNG: pdftoppm -png IN.pdf OUT"},
    {0, "8BPS", "a Photoshop document; export it as PNG or JPEG"},
    {0, "\0\0\1\0"sv, "a Windows icon; convert it to PNG"},
    {0, "\x76\x2F\x31\x01", "an OpenEXR image of floating-point numbers; convert it to PNG or JPEG"},
    {0, "#?RADIANCE", "a Radiance HDR image of floating-point numbers; convert it to PNG or JPEG"},
    {0, "qoif", "a QOI image; convert it to PNG"},
    {0, "P7\n", "a PAM image; convert it to PNG"},
    {0, "\0\5\x16\7"sv, "macOS's file beside a file (AppleDouble), not an image"},
    {0, "\x1F\x8B", "compressed by gzip; unpack it first (gunzip)"},
    {0, "PK\3\4", "a zip archive; unpack it first"},
    {0, "\x1A\x45\xDF\xA3", "a video (WebM or Matroska), not an image"},
    {128, "DICM", "a DICOM file; convert it to PNG"},
};

/// Of an ISO media file: which of its brands, that of the first box and those it is compatible with, says AVIF.
bool is_avif(std::string_view file) {
    const size_t length = file.size() < 12 || file.substr(4, 4) != "ftyp" ? 0 : Bytes(file).big(0, 4);
    return length >= 16 && file.substr(0, std::min<size_t>(length, 256)).find("avif", 8) != file.npos;
}

/// The text behind a byte order mark and blanks, in small letters.
std::string beginning(std::string_view file) {
    if (file.starts_with("\xEF\xBB\xBF")) file.remove_prefix(3);
    while (!file.empty() && std::isspace(static_cast<unsigned char>(file[0]))) file.remove_prefix(1);
    std::string text(file.substr(0, 1000));
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

[[noreturn]] void refuse_stranger(std::string_view file) {
    if (is_avif(file)) throw StageError("{}", kAvif);
    for (const Stranger& stranger : kStrangers)
        if (file.size() > stranger.at && file.substr(stranger.at).starts_with(stranger.magic))
            throw StageError("{}", stranger.what);
    const std::string text = beginning(file);
    if (text.starts_with("<svg") || (text.starts_with("<?xml") && text.find("<svg") != text.npos))
        throw StageError("an SVG drawing; convert it to PNG: rsvg-convert IN.svg -o OUT.png");
    if (text.starts_with("<?xml") && text.find("<html") == text.npos)
        throw StageError("an XML text, not an image; a server's error perhaps, fetch it again");
    if (text.starts_with("<")) throw StageError("{}", kPage);
    if (text.starts_with("{")) throw StageError("a JSON text, not an image; a server's error perhaps, fetch it again");
    throw StageError("not an image (nor JPEG, PNG, BMP, WebP, PPM, TIFF or GIF by its content)");
}

}  // namespace

ImageHeader read_image_header(std::string_view file) {
    const Bytes bytes(file);
    if (file.empty()) throw StageError("empty file");
    if (file.starts_with("\xFF\xD8\xFF")) return jpeg_header(bytes);
    if (file.starts_with("\x89PNG\r\n\x1A\n")) return png_header(bytes);
    if (file.starts_with("RIFF") && file.size() >= 12 && file.substr(8, 4) == "WEBP") return webp_header(bytes);
    if (file.starts_with("II*\0"sv) || file.starts_with("MM\0*"sv) || file.starts_with("II+\0"sv) ||
        file.starts_with("MM\0+"sv))
        return tiff_header(bytes);
    if (file.starts_with("GIF8")) return gif_header(bytes);
    if (file.starts_with("BM")) return bmp_header(bytes);
    if (file.size() > 2 && file[0] == 'P' && file[1] >= '1' && file[1] <= '6') return ppm_header(bytes);
    refuse_stranger(file);
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
