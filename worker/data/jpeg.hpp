// JPEG files to RGB pixels. Twice as fast as cv::imread, which swaps the channels of each pixel by itself, and strict
// where that is silent: missing data are an error, not a grey area and a line on stderr.
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <string_view>

namespace thaw {

/// CV_8UC3, RGB, EXIF rotation applied; of larger pictures than `most_pixels` a half, a quarter or an eighth of the
/// size, which libjpeg makes without ever having the whole. Throws StageError, without the file's name, where data are
/// missing or damaged.
cv::Mat decode_jpeg(std::string_view bytes, std::int64_t most_pixels);

}  // namespace thaw
