#include "worker/data/pixels.hpp"

#include <algorithm>

namespace thaw {

cv::Mat upright(const cv::Mat& stored, int orientation) {
    if (orientation < 2 || orientation > 8) return stored;
    cv::Mat turned = stored;
    if (orientation >= 5) cv::transpose(stored, turned);
    constexpr int kBoth = -1, kVertical = 0, kHorizontal = 1, kNone = 2;
    constexpr int kFlips[] = {kHorizontal, kBoth, kVertical, kNone, kHorizontal, kBoth, kVertical};
    const int flip = kFlips[orientation - 2];
    if (flip == kNone) return turned;
    cv::Mat flipped;
    cv::flip(turned, flipped, flip);
    return flipped;
}

cv::Mat over_white(const cv::Mat& pixels) {
    cv::Mat flat(pixels.size(), CV_8UC3);
    std::transform(pixels.begin<cv::Vec4b>(), pixels.end<cv::Vec4b>(), flat.begin<cv::Vec3b>(),
                   [](const cv::Vec4b& pixel) {
                       cv::Vec3b blended;
                       for (int i = 0; i < 3; ++i) {
                           const int sum = pixel[i] * pixel[3] + 255 * (255 - pixel[3]) + 128;
                           blended[i] = static_cast<std::uint8_t>((sum + (sum >> 8)) >> 8);
                       }
                       return blended;
                   });
    return flat;
}

}  // namespace thaw
