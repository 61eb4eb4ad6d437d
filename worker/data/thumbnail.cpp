#include "worker/data/thumbnail.hpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "common/util/error.hpp"
#include "worker/data/decode.hpp"

namespace thaw {

std::string thumbnail(const std::filesystem::path& photo) {
    constexpr int kSide = 96, kQuality = 82;
    cv::Mat rgb(kSide, kSide, CV_8UC3), bgr;
    try {
        decode_image(photo, {.image_size = kSide, .resize = ResizeMethod::crop, .interpolation = Interpolation::area},
                     rgb.data);
    } catch (const StageError&) {
        return "";
    }
    cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
    std::vector<unsigned char> jpeg;
    cv::imencode(".jpg", bgr, jpeg, {cv::IMWRITE_JPEG_QUALITY, kQuality});
    return {jpeg.begin(), jpeg.end()};
}

}  // namespace thaw
