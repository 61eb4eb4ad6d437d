#include "worker/torch/photo_batches.hpp"

#include <algorithm>
#include <system_error>

#include "common/util/error.hpp"
#include "common/util/parallel.hpp"
#include "worker/cache/image_cache.hpp"
#include "worker/data/image_folder.hpp"
#include "worker/torch/threads.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatchesAtOnce = 4;  // of each thread: so many photos lie in memory

std::string reason_not_to_decode(const PhotoBatches& batches, const fs::path& photo, std::uint8_t* pixels) {
    try {
        batches.decode(photo, pixels);
        return "";
    } catch (const StageError& error) {
        return error.what();
    }
}

}  // namespace

std::vector<fs::path> photos_of(const std::vector<std::string>& words) {
    std::vector<fs::path> photos;
    for (const std::string& word : words) {
        std::error_code error;
        const fs::file_status status = fs::status(word, error);
        if (fs::is_directory(status)) {
            std::vector<fs::path> inside;
            for (const auto& entry : fs::recursive_directory_iterator(word))
                if (entry.is_regular_file() && looks_like_image(entry.path())) inside.push_back(entry.path());
            if (inside.empty()) throw UserError("{}: no images in this folder, nor in those below", word);
            std::sort(inside.begin(), inside.end());
            photos.insert(photos.end(), inside.begin(), inside.end());
        } else if (fs::exists(status)) {
            photos.emplace_back(word);
        } else {
            throw UserError("{}: there is no such photo or folder", word);
        }
    }
    return photos;
}

void run_photos(const std::vector<fs::path>& photos, const PhotoBatches& batches, const KeepPhoto& keep) {
    const std::size_t bytes = decoded_row_bytes({.image_size = batches.image_size});
    const auto batch = static_cast<std::size_t>(batches.batch);
    const std::size_t at_once = batch * kBatchesAtOnce * static_cast<std::size_t>(batches.threads);
    std::vector<std::uint8_t> pixels(std::min(at_once, photos.size()) * bytes);
    std::vector<float> values(std::min(at_once, photos.size()) * batches.elements);
    std::vector<std::string> bad(std::min(at_once, photos.size()));
    for (std::size_t first = 0; first < photos.size(); first += at_once) {
        const std::size_t count = std::min(at_once, photos.size() - first);
        for_each_index(count, batches.threads, [&](std::size_t i) {
            bad[i] = reason_not_to_decode(batches, photos[first + i], pixels.data() + i * bytes);
        });
        for_each_index((count + batch - 1) / batch, batches.threads, [&](std::size_t i) {
            compute_on_one_thread();
            const std::size_t size = std::min(batch, count - i * batch);
            batches.run(pixels.data() + i * batch * bytes, static_cast<int>(size),
                        values.data() + i * batch * batches.elements);
        });
        for (std::size_t i = 0; i < count; ++i)
            keep(first + i,
                 std::span<const float>(values).subspan(i * batches.elements, bad[i].empty() ? batches.elements : 0),
                 bad[i]);
    }
}

}  // namespace thaw
