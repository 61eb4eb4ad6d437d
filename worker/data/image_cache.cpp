#include "worker/data/image_cache.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <numeric>

#include "common/error.hpp"
#include "common/parallel.hpp"

namespace thaw {
namespace {

constexpr std::int64_t kProgressStep = 16;

}  // namespace

const char* decoder_version() {
    return "1";  // to be raised with every change that changes a decoded pixel
}

RowFingerprints fingerprints_of(const Dataset& dataset) {
    RowFingerprints rows;
    for (const ImageFile& image : dataset.images) rows.push_back(image.fingerprint);
    return rows;
}

Decoded decode_images(const Dataset& dataset, const DecodeOptions& options, const DecodeRows& decode,
                      const std::filesystem::path& array, std::int64_t budget,
                      const std::function<void(std::int64_t)>& on_progress) {
    const auto count = static_cast<std::int64_t>(dataset.images.size());
    const auto report = [&](std::int64_t done) {
        if (on_progress && (done % kProgressStep == 0 || done == count)) on_progress(done);
    };
    const CachedArray cached(array, {count, static_cast<std::int64_t>(decoded_row_bytes(options)), 1}, budget);
    const RowFingerprints fingerprints = fingerprints_of(dataset);
    if (budget > 0) keep_rows(array.parent_path(), rows_key(fingerprints), fingerprints);
    if (auto bad = cached.reuse()) {
        report(count);
        return {std::move(*bad), 0, true};
    }
    std::vector<std::int64_t> all(dataset.images.size());
    std::iota(all.begin(), all.end(), 0);
    const DonatedRows donated = cached.donated(fingerprints, std::move(all));
    const auto writer = cached.begin();
    donated.copy_to(*writer);
    const std::vector<std::int64_t>& missing = donated.missing();
    std::mutex mutex;
    Decoded decoded{{}, static_cast<std::int64_t>(missing.size()), false};
    std::atomic<std::int64_t> done{count - decoded.computed};
    decode(missing, {[&](std::int64_t image) { return static_cast<std::uint8_t*>(writer->row(image)); },
                     [&](std::int64_t image, const std::string& bad) {
                         if (!bad.empty()) {
                             const std::lock_guard lock(mutex);
                             decoded.bad.push_back({static_cast<int>(image), bad});
                         }
                         report(++done);
                     }});
    std::ranges::sort(decoded.bad, {}, &BadImage::index);
    cached.commit(*writer, decoded.bad);
    return decoded;
}

std::size_t decoded_row_bytes(const DecodeOptions& options) {
    return std::size_t{3} * static_cast<std::size_t>(options.image_size) * static_cast<std::size_t>(options.image_size);
}

std::string decode_row(const Dataset& dataset, const DecodeOptions& options, std::int64_t image, std::uint8_t* pixels) {
    try {
        decode_image(dataset.folder / dataset.images[static_cast<std::size_t>(image)].path, options, pixels);
        return "";
    } catch (const StageError& error) {
        std::memset(pixels, 0, decoded_row_bytes(options));
        return error.what();
    }
}

DecodeRows decode_on_threads(const Dataset& dataset, const DecodeOptions& options, int threads) {
    return [&dataset, options, threads](const std::vector<std::int64_t>& images, const DecodedRows& rows) {
        for_each_index(images.size(), threads, [&](std::size_t i) {
            rows.done(images[i], decode_row(dataset, options, images[i], rows.place(images[i])));
        });
    };
}

}  // namespace thaw
