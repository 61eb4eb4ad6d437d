// Decoded images in one memory-mapped uint8 file, keyed by content; and feature arrays in the same kind of file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "worker/data/image_folder.hpp"

namespace thaw {

/// A read-only, memory-mapped, checksummed array [rows, row_elements] of one element size, written once by AtomicFile.
class ArrayFile {
   public:
    /// Maps the file and checks header and size (not the checksum, see verify). Throws StageError where it is damaged.
    explicit ArrayFile(const std::filesystem::path& path);
    ~ArrayFile();
    ArrayFile(ArrayFile&& other) noexcept;
    ArrayFile& operator=(ArrayFile&& other) noexcept;

    std::int64_t rows() const { return rows_; }
    std::int64_t row_elements() const { return row_elements_; }
    const std::uint8_t* bytes() const;            // element size 1
    const float* floats() const;                  // element size 4
    /// Reads it all and compares with the stored checksum.
    bool verify() const;
    /// True where `path` is a whole, undamaged file of this shape.
    static bool usable(const std::filesystem::path& path);

   private:
    void* mapping_ = nullptr;
    std::size_t mapping_bytes_ = 0;
    std::int64_t rows_ = 0, row_elements_ = 0;
    int element_bytes_ = 0;
};

/// Writes such a file. Rows may be filled by several threads at once (distinct rows); commit() computes the checksum,
/// syncs and renames. Without commit() nothing remains.
class ArrayFileWriter {
   public:
    ArrayFileWriter(std::filesystem::path path, std::int64_t rows, std::int64_t row_elements, int element_bytes);
    ~ArrayFileWriter();
    ArrayFileWriter(const ArrayFileWriter&) = delete;
    ArrayFileWriter& operator=(const ArrayFileWriter&) = delete;
    void* row(std::int64_t index);
    void commit();

   private:
    std::filesystem::path path_, temporary_;
    int descriptor_ = -1;
    std::uint8_t* mapping_ = nullptr;
    std::size_t mapping_bytes_ = 0;
    std::int64_t rows_, row_elements_;
    int element_bytes_;
};

enum class Interpolation { nearest, bilinear, bicubic, area };

/// How a photo of any size becomes image_size x image_size.
enum class ResizeMethod { squash, crop };  // crop: shorter side to image_size, then the centre

struct DecodeOptions {
    int image_size = 224;
    ResizeMethod resize = ResizeMethod::squash;
    Interpolation interpolation = Interpolation::bilinear;
    bool antialias = true;  // shrinking with `area` first where the photo is much larger (see decode_image)
};

/// Reads one file: EXIF rotation applied, grey to RGB, alpha over white, 16 bits to 8, palette expanded; RGB, HWC.
/// Writes 3*image_size^2 bytes to `out`. Throws StageError that names the file and the reason (unreadable, truncated,
/// not an image, larger than 64 megapixels). A truncated JPEG is unreadable, also where the decoder would fill the rest
/// with grey.
void decode_image(const std::filesystem::path& path, const DecodeOptions& options, std::uint8_t* out);

/// Identity of a decoded set: contents in order and options.
std::string image_cache_key(const Dataset& dataset, const DecodeOptions& options);

/// Files of the dataset that cannot be decoded, as "path: reason", found on `threads` threads; a full decode.
/// Where all are good, `cache` (a path) is left holding the decoded images [n, 3*s*s] uint8, unless it already was usable.
/// `on_progress(done)` is called now and then from any thread.
std::vector<std::string> decode_images(const Dataset& dataset, const DecodeOptions& options, int threads,
                                       const std::filesystem::path& cache,
                                       const std::function<void(std::int64_t)>& on_progress = {});

}  // namespace thaw
