// TIFF and BigTIFF files to RGB pixels: the first page.
#pragma once

#include <opencv2/core.hpp>
#include <string_view>

namespace thaw {

/// CV_8UC3, RGB, upright, alpha over white. 16 bits keep their upper 8, unless no sample passes what the file states as
/// its largest, or 12 bits, which instruments write in 16: that is white then. Throws StageError, without the file's
/// name: damaged, or of a kind that is not read, which it names (floats, 32 bits).
cv::Mat decode_tiff(std::string_view bytes);

}  // namespace thaw
