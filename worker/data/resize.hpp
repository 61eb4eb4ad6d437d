// Resizing as PIL's Image.resize does it: antialiased bilinear and bicubic, and its choice of nearest pixels.
// Within one grey level of Pillow up to 12, which always goes across first, then down. Pillow 13 goes down first for
// tall pictures; bicubic then differs by a few levels at hard edges, where the bytes between the two passes clip.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/trial/data_options.hpp"

namespace thaw {

/// 8-bit pixels, rows `stride` bytes apart: RGB.
struct RgbImage {
    const std::uint8_t* pixels;
    int width, height;
    std::size_t stride;
};

/// Shrinks or stretches `image` to options.image_size squared, HWC, into `out`.
/// crop: shorter side to image_size, the longer one truncated to whole pixels, then the centre (as torchvision).
/// pad: longer side to image_size, the shorter one rounded to whole pixels, in the middle of black (as PIL's
/// ImageOps.pad; halves are rounded to even).
void resize_image(const RgbImage& image, const DecodeOptions& options, std::uint8_t* out);

}  // namespace thaw
