#include "worker/data/image_folder.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/util/error.hpp"
#include "common/util/parallel.hpp"
#include "worker/data/decode.hpp"
#include "worker/data/fingerprint_cache.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

using Endings = std::vector<std::string_view>;

const Endings kEndings = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff", ".gif"};
// What Keras takes for images, dots or no dots as there.
const Endings kGeneratorEndings = {"png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff"};
const Endings kDatasetEndings = {".bmp", ".gif", ".jpeg", ".jpg", ".png"};

const Endings& endings_of(SplitMethod method) {
    switch (method) {
        case SplitMethod::keras_generator:
            return kGeneratorEndings;
        case SplitMethod::keras_dataset:
            return kDatasetEndings;
        default:
            return kEndings;
    }
}

bool has_ending(std::string name, const Endings& endings) {
    std::ranges::transform(name, name.begin(),
                           [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

constexpr std::pair<std::string_view, Part> kPartFolders[] = {{"train", Part::train},
                                                              {"val", Part::validation},
                                                              {"validation", Part::validation},
                                                              {"valid", Part::validation},
                                                              {"test", Part::test}};

/// What a folder holds, names sorted bytewise; dot files left out.
struct Listing {
    std::vector<std::string> folders;
    std::vector<std::string> images;
};

}  // namespace

bool looks_like_image(const fs::path& path) {
    return has_ending(path.extension().string(), kEndings);
}

namespace {

/// Names go into JSON, the database and the report, which are UTF-8.
void check_utf8(const std::string& name, const fs::path& where) {
    try {
        static_cast<void>(nlohmann::json(name).dump());
    } catch (const nlohmann::json::exception&) {
        const auto replace = nlohmann::json::error_handler_t::replace;
        throw UserError("{}: the name {} is not valid UTF-8; rename it (convmv does that for whole folders)",
                        where.string(), nlohmann::json(name).dump(-1, ' ', false, replace));
    }
}

Listing list(const fs::path& folder, const Endings& endings = kEndings) {
    Listing listing;
    try {
        for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
            const std::string name = entry.path().filename().string();
            if (name.starts_with('.')) continue;
            const bool is_folder = entry.is_directory();
            if (!is_folder && !(has_ending(name, endings) && entry.is_regular_file())) continue;
            check_utf8(name, folder);
            (is_folder ? listing.folders : listing.images).push_back(name);
        }
    } catch (const fs::filesystem_error& error) {
        throw UserError("{}: cannot list this folder: {}", folder.string(), error.code().message());
    }
    std::ranges::sort(listing.folders);
    std::ranges::sort(listing.images);
    return listing;
}

/// Appends the images of ROOT/RELATIVE, and with `deep` those of the folders in it.
void add_images(Dataset& dataset, const fs::path& relative, int label, Part part, const Endings& endings, bool deep) {
    const Listing listing = list(dataset.folder / relative, endings);
    for (const std::string& name : listing.images)
        dataset.images.push_back({(relative / name).string(), label, part, ""});
    for (const std::string& name : listing.folders)
        if (deep && !fs::is_symlink(dataset.folder / relative / name))  // nor does os.walk follow them
            add_images(dataset, relative / name, label, part, endings, deep);
}

/// Appends the images of ROOT/RELATIVE (one class of one part).
void add_class(Dataset& dataset, const fs::path& relative, int label, Part part, SplitMethod method) {
    const fs::path folder = dataset.folder / relative;
    const Endings& endings = endings_of(method);
    const bool deep = method == SplitMethod::keras_generator || method == SplitMethod::keras_dataset;
    if (const Listing listing = list(folder, endings); !deep && !listing.folders.empty())
        throw UserError(
            "{}: a class folder holds a folder, '{}'; move its images up, or move it away (thaw reads "
            "FOLDER/CLASS/IMAGE)",
            folder.string(), listing.folders.front());
    const std::size_t before = dataset.images.size();
    add_images(dataset, relative, label, part, endings, deep);
    if (dataset.images.size() == before)
        throw UserError("{}: no images in this class folder; add some ({}) or remove the folder", folder.string(),
                        fmt::join(endings, " "));
}

void check_classes(const fs::path& folder, const Listing& listing) {
    constexpr const char* kLayout = "give each class its folder: FOLDER/CLASS/IMAGE";
    if (listing.folders.empty() && !listing.images.empty())
        throw UserError("{}: no classes: {} images lie in the folder itself; {}", folder.string(),
                        listing.images.size(), kLayout);
    if (listing.folders.empty()) throw UserError("{}: no classes: no folders in it; {}", folder.string(), kLayout);
    if (listing.folders.size() == 1)
        throw UserError("{}: one class only, '{}'; telling classes apart takes two; {}", folder.string(),
                        listing.folders.front(), kLayout);
}

/// Part names are class names too (trains, for one): they name parts only where class folders lie inside train.
bool has_part_folders(const fs::path& folder, const Listing& top) {
    const auto has = [&](std::string_view name) {
        return std::ranges::find(top.folders, name) != top.folders.end() && !list(folder / name).folders.empty();
    };
    if (has("train")) return true;
    for (const auto& [name, part] : kPartFolders)
        if (has(name))
            throw UserError("{}: there is {}/ with class folders in it, but no train/ with class folders beside it",
                            folder.string(), name);
    return false;
}

/// A test folder may hold its images in one folder that is no class, as Kaggle's do: test/test/1.jpg.
bool is_unlabelled(const Dataset& dataset, const Listing& test) {
    return test.images.empty() && test.folders.size() == 1 &&
           !std::ranges::binary_search(dataset.classes, test.folders.front());
}

void add_part(Dataset& dataset, const std::string& name, Part part, SplitMethod method) {
    const Listing listing = list(dataset.folder / name);
    if (part == Part::test && is_unlabelled(dataset, listing))
        return add_images(dataset, fs::path(name) / listing.folders.front(), -1, part, kEndings, false);
    if (part != Part::test && !listing.images.empty())
        throw UserError("{}: images beside the class folders, '{}' for one; move each into its class's folder",
                        (dataset.folder / name).string(), listing.images.front());
    for (const std::string& class_name : listing.folders) {
        const auto found = std::ranges::lower_bound(dataset.classes, class_name);
        if (found == dataset.classes.end() || *found != class_name)
            throw UserError("{}: class '{}' is missing from train, which has: {}", (dataset.folder / name).string(),
                            class_name, fmt::join(dataset.classes, ", "));
        add_class(dataset, fs::path(name) / class_name, static_cast<int>(found - dataset.classes.begin()), part,
                  method);
    }
    for (const std::string& image : listing.images)
        dataset.images.push_back({(fs::path(name) / image).string(), -1, part, ""});
}

void add_parts(Dataset& dataset, const Listing& top, SplitMethod method) {
    const Listing train = list(dataset.folder / "train");
    check_classes(dataset.folder / "train", train);
    dataset.classes = train.folders;
    std::string_view validation;
    for (const auto& [name, part] : kPartFolders) {
        if (std::ranges::find(top.folders, name) == top.folders.end()) continue;
        if (part == Part::validation && !validation.empty())
            throw UserError("{}: both {}/ and {}/ are there; which one validates? Remove the other",
                            dataset.folder.string(), validation, name);
        if (part == Part::validation) validation = name;
        add_part(dataset, std::string(name), part, method);
    }
}

void add_fingerprints(Dataset& dataset, int threads, const fs::path& cache_file) {
    FingerprintCache cache(cache_file);
    for_each_index(dataset.images.size(), threads, [&](std::size_t i) {
        try {
            const fs::path file = dataset.folder / dataset.images[i].path;
            dataset.images[i].fingerprint = cache.of(file);
            dataset.images[i].decoder = decoder_of(file);
        } catch (const std::system_error& error) {
            throw UserError("cannot read {}: {}", (dataset.folder / dataset.images[i].path).string(),
                            error.code().message());
        }
    });
    cache.save();
}

/// Splits what is in train, unless a validation folder did.
void split(Dataset& dataset, const SplitOptions& options) {
    const auto is = [](Part part) { return [part](const ImageFile& image) { return image.part == part; }; };
    if (std::ranges::any_of(dataset.images, is(Part::validation))) {
        if (options.folds != 0)
            throw UserError(
                "{}: a validation folder and `folds: {}`; with the folder nothing is left to choose: remove `folds`, "
                "or "
                "move the folder's images into train",
                dataset.folder.string(), options.folds);
        return;
    }
    const auto is_test = is(Part::test);
    const auto tests = std::stable_partition(dataset.images.begin(), dataset.images.end(), std::not_fn(is_test));
    std::vector<ImageFile> test_images(tests, dataset.images.end());
    dataset.images.erase(tests, dataset.images.end());
    split_images(dataset.images, static_cast<int>(dataset.classes.size()), options);
    std::ranges::move(test_images, std::back_inserter(dataset.images));
    if (std::ranges::none_of(dataset.images, [](const ImageFile& image) { return image.validates(); }))
        throw UserError(
            "{}: the split '{}' with validation: {} leaves no validation images; take a larger fraction, "
            "or 'stratified'",
            dataset.folder.string(), to_string(options.method), options.validation);
}

void check_every_class_trains(const Dataset& dataset, const SplitOptions& options) {
    for (int fold = options.folds != 0 ? 1 : 0; fold <= options.folds; ++fold) {
        std::vector<int> count(dataset.classes.size());
        for (const ImageFile& image : dataset.images)
            if (image.part_in(fold) == Part::train) ++count[static_cast<std::size_t>(image.label)];
        const auto none = std::ranges::find(count, 0);
        if (none == count.end()) continue;
        const std::string& name = dataset.classes[static_cast<std::size_t>(none - count.begin())];
        if (fold == 0)
            throw UserError(
                "{}: the split '{}' with validation: {} leaves class '{}' without training images; take "
                "'stratified', which keeps every class in both parts",
                dataset.folder.string(), to_string(options.method), options.validation, name);
        throw UserError("{}: fold {} of {} of the split '{}' leaves class '{}' without training images; {}",
                        dataset.folder.string(), fold, options.folds, to_string(options.method), name,
                        options.method == SplitMethod::stratified
                            ? "give that class at least two images"
                            : "take 'stratified', which deals each class out to all folds");
    }
}

}  // namespace

Dataset scan_images(const fs::path& folder, const SplitOptions& options, int threads,
                    const fs::path& fingerprint_cache) {
    std::error_code error;
    if (!fs::is_directory(folder, error))
        throw UserError("{}: {}", folder.string(), fs::exists(folder, error) ? "not a folder" : "no such folder");
    Dataset dataset;
    dataset.folder = folder;
    check_utf8(folder.string(), folder);
    const Listing top = list(folder);
    if (has_part_folders(folder, top)) {
        add_parts(dataset, top, options.method);
    } else {
        check_classes(folder, top);
        dataset.classes = top.folders;
        for (std::size_t label = 0; label < top.folders.size(); ++label)
            add_class(dataset, top.folders[label], static_cast<int>(label), Part::train, options.method);
    }
    add_fingerprints(dataset, threads, fingerprint_cache);
    split(dataset, options);
    check_every_class_trains(dataset, options);
    return dataset;
}

}  // namespace thaw
