#include "worker/data/image_cache.hpp"

#include <atomic>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/atomic_file.hpp"
#include "common/error.hpp"
#include "common/fingerprint.hpp"
#include "worker/data/array_file.hpp"
#include "common/parallel.hpp"

namespace thaw {
namespace {

/// To be raised with every change that changes a decoded pixel.
constexpr const char* kDecodeVersion = "1";
constexpr std::int64_t kProgressStep = 16;

std::filesystem::path bad_images_file(const std::filesystem::path& cache) {
    return cache.string() + ".bad.json";
}

void write_bad_images(const std::filesystem::path& cache, const std::vector<BadImage>& bad) {
    nlohmann::json json = nlohmann::json::array();
    for (const BadImage& image : bad) json.push_back({{"index", image.index}, {"reason", image.reason}});
    try {
        write_file(bad_images_file(cache), json.dump());
    } catch (const std::system_error& error) {
        throw StageError(error.what());
    }
}

bool is_decoded(const std::filesystem::path& cache, std::int64_t rows, std::int64_t row_elements) {
    if (!std::filesystem::exists(bad_images_file(cache)) || !ArrayFile::usable(cache)) return false;
    const ArrayFile file(cache);
    return file.rows() == rows && file.row_elements() == row_elements;
}

}  // namespace

std::string images_key(const Dataset& dataset) {
    Fingerprint hash;
    hash.add(kDecodeVersion);
    for (const ImageFile& image : dataset.images) hash.add(image.fingerprint);
    return hash.hex();
}

std::vector<BadImage> decode_images(const Dataset& dataset, const DecodeOptions& options, int threads,
                                    const std::filesystem::path& cache,
                                    const std::function<void(std::int64_t)>& on_progress) {
    const auto count = static_cast<std::int64_t>(dataset.images.size());
    const std::int64_t row_bytes = std::int64_t{3} * options.image_size * options.image_size;
    const auto report = [&](std::int64_t done) {
        if (on_progress && (done % kProgressStep == 0 || done == count)) on_progress(done);
    };
    if (is_decoded(cache, count, row_bytes)) {
        report(count);
        return read_bad_images(cache);
    }
    ArrayFileWriter writer(cache, count, row_bytes, 1);
    std::mutex mutex;
    std::vector<BadImage> bad;
    std::atomic<std::int64_t> done{0};
    for_each_index(dataset.images.size(), threads, [&](std::size_t i) {
        auto* row = static_cast<std::uint8_t*>(writer.row(static_cast<std::int64_t>(i)));
        try {
            decode_image(dataset.folder / dataset.images[i].path, options, row);
        } catch (const StageError& error) {
            std::memset(row, 0, static_cast<std::size_t>(row_bytes));
            const std::lock_guard lock(mutex);
            bad.push_back({static_cast<int>(i), error.what()});
        }
        report(++done);
    });
    std::ranges::sort(bad, {}, &BadImage::index);
    write_bad_images(cache, bad);
    writer.commit();
    return bad;
}

std::vector<BadImage> read_bad_images(const std::filesystem::path& cache) {
    try {
        std::vector<BadImage> bad;
        for (const nlohmann::json& image : nlohmann::json::parse(read_file(bad_images_file(cache))))
            bad.push_back({image.at("index").get<int>(), image.at("reason").get<std::string>()});
        return bad;
    } catch (const std::exception& error) {
        throw StageError("{}: {}; remove {} and it is made again", bad_images_file(cache).string(), error.what(),
                         cache.string());
    }
}

}  // namespace thaw
