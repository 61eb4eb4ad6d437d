#include "worker/look_at_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/parallel.hpp"
#include "common/util/text.hpp"
#include "worker/cache/image_cache.hpp"
#include "worker/data/findings.hpp"
#include "worker/data/image_header.hpp"

namespace thaw {
namespace {

constexpr std::size_t kNamed = 10;  // damaged files; the others are counted

void look_at_images(FolderLook& look, int threads) {
    constexpr DecodeOptions kSmall{.image_size = 32};
    const Dataset& dataset = look.dataset;
    std::mutex mutex;
    for_each_index(dataset.images.size(), threads, [&](std::size_t i) {
        std::vector<std::uint8_t> pixels(decoded_row_bytes(kSmall));
        std::string bad = decode_row(dataset, kSmall, static_cast<std::int64_t>(i), pixels.data());
        ImageHeader header;
        if (bad.empty()) header = read_image_header(read_file(dataset.folder / dataset.images[i].path));
        const std::lock_guard lock(mutex);
        if (!bad.empty()) {
            look.damaged[dataset.images[i].path] = std::move(bad);
            return;
        }
        look.widths.push_back(header.width);
        look.heights.push_back(header.height);
    });
    std::sort(look.widths.begin(), look.widths.end());
    std::sort(look.heights.begin(), look.heights.end());
}

}  // namespace

FolderLook look_at_folder(const std::filesystem::path& folder, int threads) {
    FolderLook look;
    look.dataset = scan_images(folder, {}, threads);
    look.per_class.resize(look.dataset.classes.size());
    for (const ImageFile& image : look.dataset.images) {
        if (image.part == Part::test) {
            ++look.test_images;
            continue;
        }
        ++look.per_class[static_cast<std::size_t>(image.label)];
    }
    look_at_images(look, threads);
    return look;
}

std::string folder_text(const FolderLook& look) {
    const Dataset& dataset = look.dataset;
    std::string text =
        fmt::format("{}: {}, {}\n", dataset.folder.string(),
                    dataset.classes.size() == 1 ? "1 class" : fmt::format("{} classes", dataset.classes.size()),
                    counted(static_cast<std::int64_t>(dataset.images.size()), "image"));
    std::size_t width = 0;
    for (const std::string& name : dataset.classes) width = std::max(width, display_width(clean_text(name)));
    for (std::size_t c = 0; c < dataset.classes.size(); ++c) {
        const std::string name = clean_text(dataset.classes[c]);
        text += fmt::format("  {}{}  {:>6}\n", name, std::string(width - display_width(name), ' '), look.per_class[c]);
    }
    if (!look.widths.empty())
        text += fmt::format("sizes: {} to {} wide, {} to {} high, {} x {} in the middle\n", look.widths.front(),
                            look.widths.back(), look.heights.front(), look.heights.back(),
                            look.widths[look.widths.size() / 2], look.heights[look.heights.size() / 2]);
    const auto validation = std::count_if(dataset.images.begin(), dataset.images.end(),
                                          [](const ImageFile& image) { return image.part == Part::validation; });
    text += fmt::format("validation: {}{}\n", counted(validation, "image"),
                        dataset.as_it_stands ? std::string(", a folder of their own")
                        : dataset.train_folder.empty()
                            ? std::string(", split off by content (stratified)")
                            : ", split off " + dataset.train_folder + "/ by content (stratified)");
    if (look.test_images > 0) text += fmt::format("test: {}\n", counted(look.test_images, "image"));
    for (const std::string& finding : findings(dataset)) text += finding + "\n";
    if (look.damaged.empty()) return text;
    text += fmt::format("{} cannot be read:\n", counted(static_cast<std::int64_t>(look.damaged.size()), "image"));
    std::size_t named = 0;
    for (const auto& [path, why] : look.damaged) {
        if (named++ == kNamed) break;
        text += fmt::format("  {}\n", clean_text(why));
    }
    if (look.damaged.size() > kNamed) text += fmt::format("  and {} more\n", look.damaged.size() - kNamed);
    return text;
}

}  // namespace thaw
