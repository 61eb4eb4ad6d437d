// GIF files to RGB pixels: the first frame, in its own palette.
#pragma once

#include <opencv2/core.hpp>
#include <string_view>

namespace thaw {

/// CV_8UC3, RGB, transparent pixels white. Throws StageError, without the file's name, where data are missing or
/// damaged.
cv::Mat decode_gif(std::string_view bytes);

}  // namespace thaw
