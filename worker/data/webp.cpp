#include "worker/data/webp.hpp"

#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "common/util/error.hpp"
#include "worker/data/pixels.hpp"

namespace thaw {
namespace {

struct DeleteAnimation {
    void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

/// RGBA, not multiplied by alpha, on a transparent canvas.
cv::Mat first_frame(const WebPData& data) {
    WebPAnimDecoderOptions options;
    if (!WebPAnimDecoderOptionsInit(&options)) throw StageError("libwebp is of another version than its headers");
    options.color_mode = MODE_RGBA;
    const std::unique_ptr<WebPAnimDecoder, DeleteAnimation> decoder(WebPAnimDecoderNew(&data, &options));
    WebPAnimInfo info;
    std::uint8_t* pixels = nullptr;
    int milliseconds = 0;
    if (!decoder || !WebPAnimDecoderGetInfo(decoder.get(), &info) ||
        !WebPAnimDecoderGetNext(decoder.get(), &pixels, &milliseconds))
        throw StageError("damaged or truncated: the first frame of the animation cannot be decoded");
    return cv::Mat(static_cast<int>(info.canvas_height), static_cast<int>(info.canvas_width), CV_8UC4, pixels).clone();
}

}  // namespace

cv::Mat decode_webp(std::string_view bytes, int orientation) {
    const WebPData data{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(data.bytes, data.size, &features) != VP8_STATUS_OK)
        throw StageError("damaged or truncated: its header cannot be read");
    if (features.has_animation) return over_white(first_frame(data));
    const int channels = features.has_alpha ? 4 : 3;
    cv::Mat pixels(features.height, features.width, CV_8UC(channels));
    const auto decode = features.has_alpha ? &WebPDecodeRGBAInto : &WebPDecodeRGBInto;
    if (!decode(data.bytes, data.size, pixels.data, pixels.total() * pixels.elemSize(),
                static_cast<int>(pixels.step[0])))
        throw StageError("damaged or truncated: its pixels cannot be decoded");
    return upright(features.has_alpha ? over_white(pixels) : pixels, orientation);
}

}  // namespace thaw
