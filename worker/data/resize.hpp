// Resizing as PIL's Image.resize does it: antialiased bilinear and bicubic, and its choice of nearest pixels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/data_options.hpp"

namespace thaw {

/// 8-bit pixels, rows `stride` bytes apart: RGB.
struct RgbImage {
    const std::uint8_t* pixels;
    int width, height;
    std::size_t stride;
};

/// Shrinks or stretches `image` to options.image_size squared, HWC, into `out`.
/// crop: shorter side to image_size, the longer one truncated to whole pixels, then the centre (as torchvision).
void resize_image(const RgbImage& image, const DecodeOptions& options, std::uint8_t* out);

}  // namespace thaw
