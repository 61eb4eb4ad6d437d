// Decoded images in one memory-mapped uint8 array file, keyed by content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/data_options.hpp"
#include "worker/data/image_folder.hpp"

namespace thaw {

/// Reads one file: EXIF rotation applied, grey to RGB, alpha over white, 16 bits to 8, palette expanded; RGB, HWC.
/// Writes 3*image_size^2 bytes to `out`. Throws StageError that names the file and the reason (unreadable, truncated,
/// not an image, larger than 64 megapixels). A truncated file is unreadable, also where a decoder would fill the rest
/// with grey. Shrinking averages all the pixels covered (antialiased, as PIL does for bilinear and bicubic), except for
/// `nearest`, which picks the pixels that Keras' load_img picks.
void decode_image(const std::filesystem::path& path, const DecodeOptions& options, std::uint8_t* out);

/// Identity of a decoded set but for its options: the contents in order and the version of this code. Not of labels and
/// parts: another split decodes nothing anew.
std::string images_key(const Dataset& dataset);

struct BadImage {
    int index;           // into Dataset::images
    std::string reason;  // for people; names the file
};

/// Decodes all images on `threads` threads into the array file `cache`, [n, 3*s*s] uint8; rows of images that cannot be
/// decoded are zero. Returns those, by index. They are also kept beside the array, in `cache` + ".bad.json" (written
/// first), so that a usable cache is not decoded again: read_bad_images tells them.
/// `on_progress(done)` is called now and then from any thread.
std::vector<BadImage> decode_images(const Dataset& dataset, const DecodeOptions& options, int threads,
                                    const std::filesystem::path& cache,
                                    const std::function<void(std::int64_t)>& on_progress = {});
std::vector<BadImage> read_bad_images(const std::filesystem::path& cache);

}  // namespace thaw
