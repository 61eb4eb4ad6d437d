#include "worker/data/image_folder.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <system_error>

#include "common/util/error.hpp"
#include "common/util/parallel.hpp"
#include "common/util/unicode.hpp"
#include "worker/data/decode.hpp"
#include "worker/data/findings.hpp"
#include "worker/data/fingerprint_cache.hpp"
#include "worker/data/folder_listing.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

/// Classes by the decomposed form of their names.
using Labels = std::map<std::string, int>;

void note_left_out(Dataset& dataset, const fs::path& relative, const std::vector<std::string>& names,
                   LeftOut::Why why) {
    for (const std::string& name : names) dataset.left_out.push_back({(relative / name).string(), why});
}

/// Appends the images of ROOT/RELATIVE, and with `deep` those of the folders in it.
void add_images(Dataset& dataset, const fs::path& relative, int label, Part part, const Endings& endings, bool deep) {
    const Listing listing = list_folder(dataset.folder / relative, endings);
    note_left_out(dataset, relative, listing.others, LeftOut::Why::ending);
    note_left_out(dataset, relative, listing.broken_links, LeftOut::Why::broken_link);
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
    if (const Listing listing = list_folder(folder, endings); !deep && !listing.folders.empty())
        throw UserError(
            "{}: a class folder holds a folder, '{}'; move its images up, or move it away (thaw reads "
            "FOLDER/CLASS/IMAGE)",
            folder.string(), listing.folders.front());
    const std::size_t before = dataset.images.size();
    add_images(dataset, relative, label, part, endings, deep);
    if (dataset.images.size() != before) return;
    const std::string others = left_out_text(dataset, relative.string());
    throw UserError("{}: no images in this class folder; add some ({}) or remove the folder{}", folder.string(),
                    fmt::join(endings, " "), others.empty() ? "" : "\n" + others);
}

void check_classes(const fs::path& folder, const Listing& listing, const std::vector<std::string>& classes) {
    constexpr const char* kLayout = "give each class its folder: FOLDER/CLASS/IMAGE";
    if (listing.folders.empty() && !listing.images.empty())
        throw UserError("{}: no classes: {} images lie in the folder itself; {}", folder.string(),
                        listing.images.size(), kLayout);
    if (listing.folders.empty()) throw UserError("{}: no classes: no folders in it; {}", folder.string(), kLayout);
    if (classes.size() == 1)
        throw UserError("{}: one class only, '{}'; telling classes apart takes two; {}", folder.string(),
                        classes.front(), kLayout);
}

/// Names the classes after these folders. Those whose names look the same are one.
Labels name_classes(Dataset& dataset, const fs::path& folder, const Listing& listing) {
    Labels labels;
    for (const std::string& name : listing.folders)
        if (labels.emplace(canonical_decomposition(name), static_cast<int>(dataset.classes.size())).second)
            dataset.classes.push_back(name);
    check_classes(folder, listing, dataset.classes);
    return labels;
}

struct PartFolder {
    std::string name;
    Part part;
};

/// The folders that are parts. Part names are class names too (trains, for one): they name parts only where class
/// folders lie inside train.
std::vector<PartFolder> part_folders(const fs::path& folder, const Listing& top) {
    std::vector<PartFolder> parts;
    bool has_train = false;
    std::string with_classes;
    for (const std::string& name : top.folders) {
        const auto part = part_named(name);
        if (!part) continue;
        const bool has_classes = !list_folder(folder / name).folders.empty();
        if (has_classes) with_classes = name;
        has_train = has_train || (*part == Part::train && has_classes);
        parts.push_back({name, *part});
    }
    if (has_train) {
        std::ranges::stable_sort(parts, {}, &PartFolder::part);
        const auto both = std::ranges::adjacent_find(parts, {}, &PartFolder::part);
        if (both == parts.end()) return parts;
        throw UserError("{}: both {}/ and {}/ are there; which one {}? Remove the other", folder.string(), both->name,
                        std::next(both)->name,
                        both->part == Part::validation ? "validates"
                        : both->part == Part::train    ? "trains"
                                                       : "tests");
    }
    if (!with_classes.empty())
        throw UserError("{}: there is {}/ with class folders in it, but no train/ with class folders beside it",
                        folder.string(), with_classes);
    refuse_likely_parts(folder, top);
    return {};
}

/// A test folder may hold its images in one folder that is no class, as Kaggle's do: test/test/1.jpg.
bool is_unlabelled(const Listing& test, const Labels& labels) {
    return test.images.empty() && test.folders.size() == 1 &&
           !labels.contains(canonical_decomposition(test.folders.front()));
}

void add_part(Dataset& dataset, const PartFolder& folder, const Labels& labels, SplitMethod method) {
    const auto& [name, part] = folder;
    const Listing listing = list_folder(dataset.folder / name);
    if (part == Part::test && is_unlabelled(listing, labels))
        return add_images(dataset, fs::path(name) / listing.folders.front(), -1, part, image_endings(), false);
    if (part != Part::test && !listing.images.empty())
        throw UserError("{}: images beside the class folders, '{}' for one; move each into its class's folder",
                        (dataset.folder / name).string(), listing.images.front());
    if (part != Part::test) note_left_out(dataset, name, listing.broken_links, LeftOut::Why::broken_link);
    for (const std::string& class_name : listing.folders) {
        const auto found = labels.find(canonical_decomposition(class_name));
        if (found == labels.end())
            throw UserError("{}: class '{}' is missing from train, which has: {}", (dataset.folder / name).string(),
                            class_name, fmt::join(dataset.classes, ", "));
        add_class(dataset, fs::path(name) / class_name, found->second, part, method);
    }
    if (part == Part::test) add_images(dataset, name, -1, part, image_endings(), false);
}

void add_parts(Dataset& dataset, const Listing& top, const std::vector<PartFolder>& parts, SplitMethod method) {
    dataset.train_folder = parts.front().name;
    const fs::path train = dataset.folder / dataset.train_folder;
    const Labels labels = name_classes(dataset, train, list_folder(train));
    for (const PartFolder& part : parts) add_part(dataset, part, labels, method);
    for (const std::string& name : top.folders)
        if (!part_named(name)) dataset.left_out.push_back({name, LeftOut::Why::no_part});
}

/// What the expression finds in each image's path: its first pair of brackets, else all of it.
void add_groups(Dataset& dataset, const std::string& expression) {
    if (expression.empty()) return;
    const std::regex pattern(expression);
    for (ImageFile& image : dataset.images) {
        std::smatch found;
        if (!std::regex_search(image.path, found, pattern))
            throw UserError("{}: data.split.group finds '{}' in no part of the path {}; every image needs its group",
                            dataset.folder.string(), expression, image.path);
        image.group = "group " + found[found.size() > 1 ? 1 : 0].str();
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
    dataset.as_it_stands = std::ranges::any_of(dataset.images, is(Part::validation));
    if (options.test != 0 && (dataset.as_it_stands || std::ranges::any_of(dataset.images, is(Part::test))))
        throw UserError("{}: a {} folder and `test: {}` in the split; remove one of the two", dataset.folder.string(),
                        dataset.as_it_stands ? "validation" : "test", options.test);
    if (dataset.as_it_stands && options.folds != 0)
        throw UserError(
            "{}: a validation folder and `folds: {}`; with the folder nothing is left to choose: remove `folds`, or "
            "move the folder's images into train",
            dataset.folder.string(), options.folds);
    if (dataset.as_it_stands) return;
    const auto tests = std::stable_partition(dataset.images.begin(), dataset.images.end(), std::not_fn(is(Part::test)));
    std::vector<ImageFile> test_images(tests, dataset.images.end());
    dataset.images.erase(tests, dataset.images.end());
    split_images(dataset.images, static_cast<int>(dataset.classes.size()), options);
    dataset.keeps_copies_together = options.folds != 0 || options.method == SplitMethod::stratified;
    std::ranges::move(test_images, std::back_inserter(dataset.images));
    if (std::ranges::none_of(dataset.images, [](const ImageFile& image) { return image.validates(); }))
        throw UserError("{}: the split '{}' with validation: {} leaves no validation images; take a larger fraction{}",
                        dataset.folder.string(), to_string(options.method), options.validation,
                        options.method == SplitMethod::stratified
                            ? ", or smaller groups: images of equal content or of one group stay together"
                            : ", or 'stratified'");
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
                            ? "give that class at least two images that are not of one content or one group"
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
    const Listing top = list_folder(folder);
    note_left_out(dataset, "", top.broken_links, LeftOut::Why::broken_link);
    if (const std::vector<PartFolder> parts = part_folders(folder, top); !parts.empty()) {
        add_parts(dataset, top, parts, options.method);
    } else {
        const Labels labels = name_classes(dataset, folder, top);
        for (const std::string& name : top.folders)
            add_class(dataset, name, labels.at(canonical_decomposition(name)), Part::train, options.method);
    }
    std::ranges::sort(dataset.left_out, {}, &LeftOut::path);
    add_groups(dataset, options.group);
    add_fingerprints(dataset, threads, fingerprint_cache);
    split(dataset, options);
    check_every_class_trains(dataset, options);
    return dataset;
}

}  // namespace thaw
