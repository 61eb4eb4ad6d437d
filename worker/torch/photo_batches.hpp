// Photos given by hand, decoded and sent through a network batch by batch on several threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace thaw {

/// The files among `words`, and the images in those that are folders (and in folders below), in the order of their
/// names. Throws UserError: not there, a folder without images.
std::vector<std::filesystem::path> photos_of(const std::vector<std::string>& words);

/// What came of one photo; where it could not be decoded, nothing and why. Called in the order of the photos.
using KeepPhoto = std::function<void(std::size_t photo, std::span<const float> values, const std::string& bad)>;

struct PhotoBatches {
    int image_size = 224;
    int batch = 1;             // images that go through at once
    std::size_t elements = 0;  // of one image's output
    int threads = 1;
    /// A photo to pixels [s, s, 3]. Throws StageError. On any thread.
    std::function<void(const std::filesystem::path& photo, std::uint8_t* pixels)> decode;
    /// Images [count, s, s, 3] to `out`; on any thread.
    std::function<void(const std::uint8_t* images, int count, float* out)> run;
};

void run_photos(const std::vector<std::filesystem::path>& photos, const PhotoBatches& batches, const KeepPhoto& keep);

}  // namespace thaw
