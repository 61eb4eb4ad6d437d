// JPEG files to RGB pixels. Twice as fast as cv::imread, which swaps the channels of each pixel by itself, and strict
// where that is silent: missing data are an error, not a grey area and a line on stderr.
#pragma once

#include <opencv2/core.hpp>
#include <string_view>

namespace thaw {

/// CV_8UC3, RGB, EXIF rotation applied. Throws StageError, without the file's name, where data are missing or damaged.
cv::Mat decode_jpeg(std::string_view bytes);

}  // namespace thaw
