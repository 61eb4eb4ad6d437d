// WebP files to RGB pixels: with EXIF, transparency and, of an animation, the first frame.
#pragma once

#include <opencv2/core.hpp>
#include <string_view>

namespace thaw {

/// CV_8UC3, RGB, turned as EXIF says, over white. Throws StageError, without the file's name, where data are missing or
/// damaged.
cv::Mat decode_webp(std::string_view bytes, int orientation);

}  // namespace thaw
