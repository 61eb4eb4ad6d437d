#include "worker/data/jpeg.hpp"

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
// jpeglib.h wants the two above.
#include <jerror.h>
#include <jpeglib.h>

#include <string>

#include "common/util/error.hpp"
#include "worker/data/image_header.hpp"
#include "worker/data/pixels.hpp"

namespace thaw {
namespace {

/// Each scan of a progressive file costs a pass over all its pixels; real files have a dozen.
constexpr int kMaxScans = 500;
/// A progressive file's coefficients are kept until its last scan, 2 bytes each.
constexpr std::int64_t kMostCoefficientBytes = std::int64_t{1} << 30;

/// libjpeg's decoder; its errors jump out of C code, so nothing between setjmp and longjmp may own anything.
struct Decoder {
    jpeg_decompress_struct state{};
    jpeg_error_mgr errors{};
    jpeg_progress_mgr progress{};
    std::jmp_buf escape;
    char message[JMSG_LENGTH_MAX] = "";
    std::string exif;  // a copy: libjpeg frees its markers when it has finished

    Decoder() {
        state.err = jpeg_std_error(&errors);
        state.client_data = this;
        errors.error_exit = &fail;
        errors.emit_message = &judge_warning;
        progress.progress_monitor = &count_scans;
    }
    ~Decoder() { jpeg_destroy_decompress(&state); }
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    [[noreturn]] static void fail(j_common_ptr common) {
        auto* decoder = static_cast<Decoder*>(common->client_data);
        decoder->errors.format_message(common, decoder->message);
        std::longjmp(decoder->escape, 1);
    }
    /// Warnings tell of oddities, which are let pass, and of missing data, which are not.
    static void judge_warning(j_common_ptr common, int level) {
        const int code = common->err->msg_code;
        if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) fail(common);
    }
    static void count_scans(j_common_ptr common) {
        if (reinterpret_cast<j_decompress_ptr>(common)->input_scan_number <= kMaxScans) return;
        auto* decoder = static_cast<Decoder*>(common->client_data);
        std::snprintf(decoder->message, sizeof decoder->message, "more than %d scans", kMaxScans);
        std::longjmp(decoder->escape, 1);
    }

    bool start(std::string_view bytes, std::int64_t most_pixels);
    bool read_rows(cv::Mat& pixels);
};

/// Reads up to the first row; false where that fails.
bool Decoder::start(std::string_view bytes, std::int64_t most_pixels) {
    if (setjmp(escape)) return false;
    jpeg_create_decompress(&state);
    state.progress = &progress;
    jpeg_mem_src(&state, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_save_markers(&state, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&state, TRUE);
    if (state.jpeg_color_space != JCS_CMYK && state.jpeg_color_space != JCS_YCCK) state.out_color_space = JCS_RGB;
    for (const jpeg_marker_struct* marker = state.marker_list; marker; marker = marker->next) {
        const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
        if (exif.empty() && data.starts_with("Exif")) exif = data.substr(std::min<std::size_t>(6, data.size()));
    }
    constexpr unsigned kSmallest = 8;
    for (state.scale_num = 1, state.scale_denom = 1; state.scale_denom < kSmallest; state.scale_denom *= 2) {
        jpeg_calc_output_dimensions(&state);
        if (std::int64_t{state.output_width} * state.output_height <= most_pixels) break;
    }
    const std::int64_t kept = std::int64_t{state.image_width} * state.image_height * state.num_components * 2;
    if (jpeg_has_multiple_scans(&state) && kept > kMostCoefficientBytes) {
        std::snprintf(message, sizeof message, "%s",
                      "too large for a progressive JPEG, all of which must be in memory at once");
        return false;
    }
    jpeg_start_decompress(&state);
    return true;
}

bool Decoder::read_rows(cv::Mat& pixels) {
    if (setjmp(escape)) return false;
    while (state.output_scanline < state.output_height) {
        JSAMPROW row = pixels.ptr<std::uint8_t>(static_cast<int>(state.output_scanline));
        jpeg_read_scanlines(&state, &row, 1);
    }
    jpeg_finish_decompress(&state);
    return true;
}

/// Inks to light. Adobe's files, which are nearly all there are, hold the inks inverted.
cv::Mat cmyk_to_rgb(const cv::Mat& cmyk, bool inverted) {
    cv::Mat rgb(cmyk.size(), CV_8UC3);
    const int flip = inverted ? 0 : 255;
    std::transform(cmyk.begin<cv::Vec4b>(), cmyk.end<cv::Vec4b>(), rgb.begin<cv::Vec3b>(), [&](const cv::Vec4b& inks) {
        cv::Vec3b pixel;
        for (int i = 0; i < 3; ++i)
            pixel[i] = static_cast<std::uint8_t>(((inks[i] ^ flip) * (inks[3] ^ flip) + 127) / 255);
        return pixel;
    });
    return rgb;
}

}  // namespace

cv::Mat decode_jpeg(std::string_view bytes, std::int64_t most_pixels) {
    Decoder decoder;
    cv::Mat pixels;
    bool done = decoder.start(bytes, most_pixels);
    if (done) {
        pixels.create(static_cast<int>(decoder.state.output_height), static_cast<int>(decoder.state.output_width),
                      CV_8UC(decoder.state.output_components));
        done = decoder.read_rows(pixels);
    }
    if (!done) throw StageError("damaged or truncated: {}", decoder.message);
    if (pixels.channels() == 4) pixels = cmyk_to_rgb(pixels, decoder.state.saw_Adobe_marker);
    return upright(pixels, exif_orientation(decoder.exif));
}

}  // namespace thaw
