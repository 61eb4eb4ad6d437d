#include "worker/cache/image_cache.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <numeric>
#include <span>

#include "common/util/error.hpp"
#include "common/util/parallel.hpp"
#include "worker/cache/view_rows.hpp"
#include "worker/data/augment.hpp"
#include "worker/data/decode.hpp"

namespace thaw {
namespace {

constexpr std::int64_t kProgressStep = 16;

/// From the images' rows, which are all there.
void make_views(std::span<const std::int64_t> wanted, const Dataset& dataset, const ViewsToMake& views,
                const ViewRows& rows, ArrayFileWriter& writer, const std::function<void()>& done) {
    const Trial& trial = views.trial;
    for_each_index(wanted.size(), views.threads, [&](std::size_t i) {
        const int row = static_cast<int>(wanted[i]), image = rows.image(row);
        const Transform change = draw(trial.augment, trial.seed, rows.view(row) + 1,
                                      dataset.images[static_cast<std::size_t>(image)].fingerprint, trial.image_size);
        apply(change, trial.image_size, static_cast<const std::uint8_t*>(writer.row(image)),
              static_cast<std::uint8_t*>(writer.row(row)));
        done();
    });
}

/// Of a bad image nothing can be made.
void add_bad_views(const ViewRows& rows, std::vector<BadImage>& bad) {
    const std::size_t images = bad.size();
    for (std::size_t i = 0; i < images; ++i)
        for (int epoch = 1; epoch <= rows.views(); ++epoch)
            if (const int row = rows.row(bad[i].index, epoch); row != bad[i].index) bad.push_back({row, bad[i].reason});
}

}  // namespace

RowFingerprints fingerprints_of(const Dataset& dataset) {
    RowFingerprints rows;
    for (const ImageFile& image : dataset.images) rows.push_back(image.pixels());
    return rows;
}

Decoded decode_images(const Dataset& dataset, const DecodeOptions& options, const DecodeRows& decode,
                      const std::filesystem::path& array, std::int64_t budget,
                      const std::function<void(std::int64_t)>& on_progress, const ViewsToMake& views) {
    const ViewRows rows(dataset, views.trial);
    const std::int64_t count = rows.count();
    const auto report = [&](std::int64_t done) {
        if (on_progress && (done % kProgressStep == 0 || done == count)) on_progress(done);
    };
    const CachedArray cached(array, {count, static_cast<std::int64_t>(decoded_row_bytes(options)), 1}, budget);
    const RowFingerprints fingerprints = rows.names(dataset);
    const auto name = ArrayName::parse(array.filename().string());
    if (budget > 0 && name) keep_rows(array.parent_path(), name->images, fingerprints);
    if (auto bad = cached.reuse()) {
        report(count);
        return {std::move(*bad), 0, true};
    }
    std::vector<std::int64_t> all(fingerprints.size());
    std::iota(all.begin(), all.end(), 0);
    const DonatedRows donated = cached.donated(fingerprints, std::move(all));
    const auto writer = cached.begin();
    donated.copy_to(*writer);
    const auto first_view = std::ranges::lower_bound(donated.missing(), std::int64_t{rows.images()});
    const std::vector<std::int64_t> missing(donated.missing().begin(), first_view);
    std::mutex mutex;
    Decoded decoded{{}, static_cast<std::int64_t>(missing.size()), false};
    std::atomic<std::int64_t> done{count - static_cast<std::int64_t>(donated.missing().size())};
    decode(missing, {[&](std::int64_t image) { return static_cast<std::uint8_t*>(writer->row(image)); },
                     [&](std::int64_t image, const std::string& bad) {
                         if (!bad.empty()) {
                             const std::lock_guard lock(mutex);
                             decoded.bad.push_back({static_cast<int>(image), bad});
                         }
                         report(++done);
                     }});
    make_views({first_view, donated.missing().end()}, dataset, views, rows, *writer, [&] { report(++done); });
    add_bad_views(rows, decoded.bad);
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
