// What an image file says of itself before anything is decoded: format and size; and its EXIF.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thaw {

enum class ImageFormat { jpeg, png, bmp, webp, ppm, tiff, gif };

struct ImageHeader {
    ImageFormat format = ImageFormat::jpeg;
    std::int64_t width = 0, height = 0;  // as stored, before any EXIF rotation
    bool alpha = false;                  // png and webp: there is a channel or a colour of transparency
    int orientation = 1;                 // png and webp: EXIF's
    /// Which version of its format's decoder makes the pixels. Above 1: other pixels than the first one made of it, and
    /// part of the identity of a dataset that has it.
    int decoder = 1;
};

/// Reads the header by content, whatever the file is called. Throws StageError, without the file's name, where it is no
/// image of these formats (and says what it is instead, where that is known), or its header is cut short.
ImageHeader read_image_header(std::string_view bytes);

/// The orientation, 1 to 8, that an EXIF block (a TIFF file in small) states; 1 where it states none.
int exif_orientation(std::string_view exif);

/// A PNG with only those chunks that decide its pixels and its rotation: no texts, no colour profiles, whose flaws
/// libpng reports on stderr. Throws StageError where it ends before its end chunk.
std::string essential_png(std::string_view bytes);

}  // namespace thaw
