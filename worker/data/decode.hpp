// One image file as pixels.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/trial/data_options.hpp"

namespace thaw {

/// Reads one file: EXIF rotation applied, grey to RGB, transparency over white, 16 bits to 8, palette expanded, of an
/// animation the first frame; RGB, HWC. `grey`: luminance in all three channels, before it is resized, as Keras'
/// load_img does for "grayscale". Writes 3*image_size^2 bytes to `out`. Throws StageError that names the file and the
/// reason (unreadable, truncated, not an image and what instead, larger than 150 megapixels, or 1000 of a JPEG). A
/// truncated file is unreadable, also where a decoder would fill the rest with grey. Of JPEGs above 64 megapixels a
/// half, a quarter or an eighth of the size is decoded. Memory of 8 bits, measured: 0.5 GB a thread up to 64
/// megapixels; above, 1.1 GB, of one picture at a time. 64 megapixels of 16-bit RGBA in a TIFF take 1.4 GB. Shrinking
/// averages all the pixels covered (antialiased, as PIL does for bilinear and bicubic), except for `nearest`, which
/// picks the pixels that Keras' load_img picks.
void decode_image(const std::filesystem::path& path, const DecodeOptions& options, std::uint8_t* out);

/// Which code decodes, and so which pixels come of it: part of the key of all that is made of them.
const char* decoder_version();

/// ImageHeader::decoder of a file; 1 where it is none that can be read. Reads more than the first bytes only of those
/// formats that need it.
int decoder_of(const std::filesystem::path& path);

}  // namespace thaw
