// What the decoders of all formats have in common: whites behind transparency, and the turns that EXIF asks for.
#pragma once

#include <opencv2/core.hpp>

namespace thaw {

/// EXIF's eight orientations: 5 to 8 lie on their side, the others are turned or mirrored where they are.
cv::Mat upright(const cv::Mat& stored, int orientation);

/// CV_8UC4 (three colours, alpha) over white, rounded as PIL's paste does.
cv::Mat over_white(const cv::Mat& pixels);

}  // namespace thaw
