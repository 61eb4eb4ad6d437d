// One image file as pixels.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/trial/data_options.hpp"

namespace thaw {

/// Reads one file: EXIF rotation applied, grey to RGB, alpha over white, 16 bits to 8, palette expanded; RGB, HWC.
/// `grey`: luminance in all three channels, before it is resized, as Keras' load_img does for "grayscale".
/// Writes 3*image_size^2 bytes to `out`. Throws StageError that names the file and the reason (unreadable, truncated,
/// not an image, larger than 64 megapixels). A truncated file is unreadable, also where a decoder would fill the rest
/// with grey. Shrinking averages all the pixels covered (antialiased, as PIL does for bilinear and bicubic), except for
/// `nearest`, which picks the pixels that Keras' load_img picks.
void decode_image(const std::filesystem::path& path, const DecodeOptions& options, std::uint8_t* out);

/// Which code decodes, and so which pixels come of it: part of the key of all that is made of them.
const char* decoder_version();

}  // namespace thaw
