// Decoded images in one memory-mapped uint8 array file, keyed by content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/trial/data_options.hpp"
#include "common/trial/trial.hpp"
#include "worker/cache/cached_array.hpp"
#include "worker/data/image_folder.hpp"

namespace thaw {

/// What names the rows of arrays made of this data set: contents in order, not labels and parts, so that another split
/// decodes nothing anew.
RowFingerprints fingerprints_of(const Dataset& dataset);

struct Decoded {
    std::vector<BadImage> bad;  // by index
    std::int64_t computed = 0;  // images decoded; the others were copied from arrays of other data sets
    bool reused = false;        // the array stood there already, whole
};

/// Where decoded images go; from any thread, for every image once.
struct DecodedRows {
    std::function<std::uint8_t*(std::int64_t image)> place;                // for its pixels
    std::function<void(std::int64_t image, const std::string& bad)> done;  // "", or why it has none
};

/// Decodes some of a data set's images, on as many threads or ranks as it has.
using DecodeRows = std::function<void(const std::vector<std::int64_t>& images, const DecodedRows& rows)>;

/// One image; returns "", or why it cannot be decoded: its pixels are zero then.
std::string decode_row(const Dataset& dataset, const DecodeOptions& options, std::int64_t image, std::uint8_t* pixels);

/// Bytes of one decoded image.
std::size_t decoded_row_bytes(const DecodeOptions& options);

/// Changed views of training images, made on so many threads.
struct ViewsToMake {
    Trial trial;  // whose views they are; none as a rule
    int threads = 1;
};

/// Sees to it that the array file `array` holds all images, [n, 3*s*s] uint8, and the trial's views behind them
/// (ViewRows); rows of images that cannot be decoded are zero, and in the list of bad ones, as their views are.
/// `budget`: see CachedArray; in a shared cache folder, `array` is named by rows_key, or by what decides the views too.
/// `on_progress(done)` is called now and then from any thread.
Decoded decode_images(const Dataset& dataset, const DecodeOptions& options, const DecodeRows& decode,
                      const std::filesystem::path& array, std::int64_t budget = 0,
                      const std::function<void(std::int64_t)>& on_progress = {}, const ViewsToMake& views = {});

/// On so many threads of this process.
DecodeRows decode_on_threads(const Dataset& dataset, const DecodeOptions& options, int threads);

}  // namespace thaw
