#include "worker/data/folder_listing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "common/util/error.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

// What Keras takes for images, dots or no dots as there.
const Endings kGeneratorEndings = {"png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff"};
const Endings kDatasetEndings = {".bmp", ".gif", ".jpeg", ".jpg", ".png"};

/// Thumbnails, waste bins and resource forks, in lower case.
constexpr std::string_view kJunk[] = {
    "__macosx",   "@eadir",    "#recycle",    "$recycle.bin", "system volume information",
    "lost+found", "thumbs.db", "ehthumbs.db", "desktop.ini",  "icon\r"};

constexpr std::pair<std::string_view, Part> kPartNames[] = {{"train", Part::train},
                                                            {"val", Part::validation},
                                                            {"validation", Part::validation},
                                                            {"valid", Part::validation},
                                                            {"test", Part::test}};

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return lower;
}

bool has_ending(const std::string& name, const Endings& endings) {
    const std::string lower = lower_case(name);
    return std::ranges::any_of(endings, [&](std::string_view ending) { return lower.ends_with(ending); });
}

bool is_junk(const std::string& name) {
    return name.starts_with('.') || std::ranges::find(kJunk, lower_case(name)) != std::end(kJunk);
}

/// training_set, seg_train, Testing: a part's name, or its participle, is a word of it.
bool sounds_like_part(const std::string& name) {
    static constexpr std::string_view kWords[] = {"train", "training",   "test", "testing",    "val",
                                                  "valid", "validation", "eval", "evaluation", "dev"};
    std::string word;
    for (const char letter : lower_case(name) + ' ') {
        if (std::isalpha(static_cast<unsigned char>(letter))) {
            word += letter;
        } else if (std::ranges::find(kWords, word) != std::end(kWords)) {
            return true;
        } else {
            word.clear();
        }
    }
    return false;
}

}  // namespace

const Endings& image_endings() {
    static const Endings endings = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff", ".gif"};
    return endings;
}

const Endings& endings_of(SplitMethod method) {
    switch (method) {
        case SplitMethod::keras_generator:
            return kGeneratorEndings;
        case SplitMethod::keras_dataset:
            return kDatasetEndings;
        default:
            return image_endings();
    }
}

bool looks_like_image(const fs::path& path) {
    return has_ending(path.extension().string(), image_endings());
}

void check_utf8(const std::string& name, const fs::path& where) {
    try {
        static_cast<void>(nlohmann::json(name).dump());
    } catch (const nlohmann::json::exception&) {
        const auto replace = nlohmann::json::error_handler_t::replace;
        throw UserError("{}: the name {} is not valid UTF-8; rename it (convmv does that for whole folders)",
                        where.string(), nlohmann::json(name).dump(-1, ' ', false, replace));
    }
}

Listing list_folder(const fs::path& folder, const Endings& endings) {
    Listing listing;
    try {
        for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
            const std::string name = entry.path().filename().string();
            if (is_junk(name)) continue;
            check_utf8(name, folder);
            std::error_code unknown;
            const fs::file_type type = entry.status(unknown).type();
            if (type == fs::file_type::directory) {
                listing.folders.push_back(name);
            } else if (type == fs::file_type::none || type == fs::file_type::not_found) {
                listing.broken_links.push_back(name);
            } else {
                const bool is_image = type == fs::file_type::regular && has_ending(name, endings);
                (is_image ? listing.images : listing.others).push_back(name);
            }
        }
    } catch (const fs::filesystem_error& error) {
        throw UserError("{}: cannot list this folder: {}", folder.string(), error.code().message());
    }
    for (auto* names : {&listing.folders, &listing.images, &listing.others, &listing.broken_links})
        std::ranges::sort(*names);
    return listing;
}

std::optional<Part> part_named(std::string_view name) {
    const auto found = std::ranges::find(kPartNames, lower_case(name), &std::pair<std::string_view, Part>::first);
    return found == std::end(kPartNames) ? std::nullopt : std::optional(found->second);
}

void refuse_likely_parts(const fs::path& folder, const Listing& top) {
    const bool all = !top.folders.empty() && std::ranges::all_of(top.folders, [&](const std::string& name) {
        return sounds_like_part(name) && !list_folder(folder / name).folders.empty();
    });
    if (all)
        throw UserError("{}: {} look like parts of one data set, not like classes; rename them to train, val and test",
                        folder.string(), fmt::join(top.folders, ", "));
}

}  // namespace thaw
