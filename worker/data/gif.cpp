#include "worker/data/gif.hpp"

#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "common/util/error.hpp"

namespace thaw {
namespace {

constexpr std::int64_t kMostFramePixels = 150'000'000;

int read_gif(GifFileType* gif, GifByteType* to, int count) {
    auto& left = *static_cast<std::string_view*>(gif->UserData);
    const std::size_t taken = std::min(left.size(), static_cast<std::size_t>(count));
    std::memcpy(to, left.data(), taken);
    left.remove_prefix(taken);
    return static_cast<int>(taken);
}

struct CloseGif {
    void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

[[noreturn]] void fail_gif(int error) {
    const char* why = GifErrorString(error);
    throw StageError("damaged or truncated: {}", why ? why : "a GIF that ends early");
}

/// Reads an extension; the transparent index, where it states one.
void read_extension(GifFileType& gif, std::optional<int>& transparent) {
    int code = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(&gif, &code, &block) == GIF_ERROR) fail_gif(gif.Error);
    while (block) {
        GraphicsControlBlock control;
        if (code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            transparent = control.TransparentColor == NO_TRANSPARENT_COLOR ? std::nullopt
                                                                           : std::optional(control.TransparentColor);
        if (DGifGetExtensionNext(&gif, &block) == GIF_ERROR) fail_gif(gif.Error);
    }
}

/// What the 256 indices look like.
std::vector<cv::Vec3b> colours_of(const GifFileType& gif, std::optional<int> transparent) {
    const ColorMapObject* map = gif.Image.ColorMap ? gif.Image.ColorMap : gif.SColorMap;
    std::vector<cv::Vec3b> colours(256, cv::Vec3b(0, 0, 0));
    for (int i = 0; i < 256; ++i) {
        const auto grey = static_cast<std::uint8_t>(i);
        if (!map) colours[static_cast<std::size_t>(i)] = {grey, grey, grey};
        if (map && i < map->ColorCount)
            colours[static_cast<std::size_t>(i)] = {map->Colors[i].Red, map->Colors[i].Green, map->Colors[i].Blue};
    }
    if (transparent) colours[static_cast<std::size_t>(*transparent & 255)] = {255, 255, 255};
    return colours;
}

/// The rows of the file in the order of the picture, where they are interlaced: every 8th, every 8th from the 4th, ...
std::vector<int> rows_in_file(int height, bool interlaced) {
    std::vector<int> rows;
    constexpr int kPasses[][2] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}}, kPlain[][2] = {{0, 1}};
    const auto add = [&](const int(&pass)[2]) {
        for (int y = pass[0]; y < height; y += pass[1]) rows.push_back(y);
    };
    if (interlaced)
        std::ranges::for_each(kPasses, add);
    else
        std::ranges::for_each(kPlain, add);
    return rows;
}

cv::Mat read_frame(GifFileType& gif, std::optional<int> transparent) {
    if (DGifGetImageDesc(&gif) == GIF_ERROR) fail_gif(gif.Error);
    const GifImageDesc& frame = gif.Image;
    if (frame.Width < 1 || frame.Height < 1 || frame.Width > kMostFramePixels / frame.Height)
        throw StageError("damaged: its first frame has {} x {} pixels", frame.Width, frame.Height);
    const std::vector<cv::Vec3b> colours = colours_of(gif, transparent);
    // What the frame leaves free is transparent, or else of the first colour, as PIL has it.
    const cv::Vec3b around = transparent ? cv::Vec3b(255, 255, 255) : colours[0];
    cv::Mat pixels(gif.SHeight, gif.SWidth, CV_8UC3, cv::Scalar(around[0], around[1], around[2]));
    std::vector<GifPixelType> line(static_cast<std::size_t>(frame.Width));
    for (const int y : rows_in_file(frame.Height, frame.Interlace)) {
        if (DGifGetLine(&gif, line.data(), frame.Width) == GIF_ERROR) fail_gif(gif.Error);
        if (y + frame.Top >= pixels.rows) continue;
        auto* row = pixels.ptr<cv::Vec3b>(y + frame.Top);
        for (int x = 0; x < frame.Width && x + frame.Left < pixels.cols; ++x)
            row[x + frame.Left] = colours[line[static_cast<std::size_t>(x)]];
    }
    return pixels;
}

}  // namespace

cv::Mat decode_gif(std::string_view bytes) {
    int error = 0;
    const std::unique_ptr<GifFileType, CloseGif> gif(DGifOpen(&bytes, &read_gif, &error));
    if (!gif) fail_gif(error);
    std::optional<int> transparent;
    for (;;) {
        GifRecordType record = UNDEFINED_RECORD_TYPE;
        if (DGifGetRecordType(gif.get(), &record) == GIF_ERROR) fail_gif(gif->Error);
        if (record == TERMINATE_RECORD_TYPE) throw StageError("damaged: a GIF without a frame");
        if (record == EXTENSION_RECORD_TYPE) read_extension(*gif, transparent);
        if (record == IMAGE_DESC_RECORD_TYPE) return read_frame(*gif, transparent);
    }
}

}  // namespace thaw
