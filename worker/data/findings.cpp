#include "worker/data/findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>
#include <utility>

#include "common/util/text.hpp"
#include "worker/data/folder_listing.hpp"

namespace thaw {
namespace {

constexpr std::size_t kNamed = 3;  // the others are counted

using Places = std::vector<std::size_t>;

std::string count_text(std::size_t count, const char* noun) {
    return counted(static_cast<std::int64_t>(count), noun);
}

/// "a, b, c and 9 more"
std::string named(const std::vector<std::string>& items) {
    const auto shown = std::min(items.size(), kNamed);
    std::string text =
        fmt::format("{}", fmt::join(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
    return items.size() > shown ? fmt::format("{} and {} more", text, items.size() - shown) : text;
}

std::string path_of(const Dataset& dataset, std::size_t i) {
    return clean_text(dataset.images[i].path);
}

const char* name_of(Part part) {
    return part == Part::train ? "training" : part == Part::validation ? "validation" : "test";
}

/// Images of each content that several have, in the order of the images.
std::vector<Places> equal_images(const Dataset& dataset) {
    std::unordered_map<std::string, std::size_t> place;
    std::vector<Places> all;
    for (std::size_t i = 0; i < dataset.images.size(); ++i) {
        const auto [found, is_new] = place.emplace(dataset.images[i].fingerprint, all.size());
        if (is_new) all.emplace_back();
        all[found->second].push_back(i);
    }
    std::erase_if(all, [](const Places& places) { return places.size() < 2; });
    return all;
}

/// Images of `part` that are in the other part too, each with one of those.
std::vector<std::pair<std::size_t, std::size_t>> shared(const Dataset& dataset, const std::vector<Places>& equal,
                                                        Part part, Part other) {
    std::vector<std::pair<std::size_t, std::size_t>> found;
    for (const Places& places : equal) {
        const auto there = std::ranges::find_if(places, [&](std::size_t i) { return dataset.images[i].part == other; });
        if (there == places.end()) continue;
        for (const std::size_t i : places)
            if (dataset.images[i].part == part) found.emplace_back(i, *there);
    }
    std::ranges::sort(found);
    return found;
}

std::string shared_text(const Dataset& dataset, const std::vector<Places>& equal, Part part, Part other) {
    const auto pairs = shared(dataset, equal, part, other);
    if (pairs.empty()) return "";
    std::vector<std::string> items;
    for (const auto& [i, there] : pairs)
        items.push_back(fmt::format("{} is {}", path_of(dataset, i), path_of(dataset, there)));
    return fmt::format(
        "{} of {} {} images {} also in the {} set (same content), so that the {} accuracy is too high: {}",
        pairs.size(), dataset.count(part, 0), name_of(part), pairs.size() == 1 ? "is" : "are", name_of(other),
        name_of(part), named(items));
}

std::string copies_text(const Dataset& dataset, const std::vector<Places>& equal) {
    std::vector<std::string> items;
    for (const Places& places : equal) {
        std::map<Part, std::size_t> first;
        for (const std::size_t i : places) {
            const auto [found, is_new] = first.emplace(dataset.images[i].part, i);
            if (!is_new) items.push_back(fmt::format("{} is {}", path_of(dataset, i), path_of(dataset, found->second)));
        }
    }
    if (items.empty()) return "";
    return fmt::format("{} {} of another in the same part{}: {}", count_text(items.size(), "image"),
                       items.size() == 1 ? "is a copy" : "are copies",
                       dataset.keeps_copies_together ? ", where the split keeps them together" : "", named(items));
}

std::string two_classes_text(const Dataset& dataset, const std::vector<Places>& equal) {
    std::vector<std::string> items;
    for (const Places& places : equal) {
        std::map<int, std::size_t> by_class;
        for (const std::size_t i : places)
            if (dataset.images[i].label >= 0) by_class.emplace(dataset.images[i].label, i);
        if (by_class.size() < 2) continue;
        std::vector<std::string> paths;
        for (const auto& [label, i] : by_class) paths.push_back(path_of(dataset, i));
        items.push_back(fmt::format("{}", fmt::join(paths, " is ")));
    }
    if (items.empty()) return "";
    return fmt::format("{} under two classes, one of which is wrong: {}",
                       items.size() == 1 ? "1 image stands" : fmt::format("{} images stand", items.size()),
                       named(items));
}

std::string groups_text(const Dataset& dataset) {
    std::map<std::string, std::set<Part>> parts;
    for (const ImageFile& image : dataset.images)
        if (!image.group.empty()) parts[image.group].insert(image.part);
    std::vector<std::string> items;
    for (const auto& [group, in] : parts)
        if (in.size() > 1) items.push_back(clean_text(group));
    if (items.empty()) return "";
    return fmt::format("{} lie in more than one part, as the folders stand: {}", count_text(items.size(), "group"),
                       named(items));
}

/// Classes without an image that `has` is true of; only where it is true of some image.
template <typename Has>
std::string missing_text(const Dataset& dataset, const char* part, Has has) {
    std::vector<bool> found(dataset.classes.size());
    for (const ImageFile& image : dataset.images)
        if (image.label >= 0 && has(image)) found[static_cast<std::size_t>(image.label)] = true;
    if (std::ranges::find(found, true) == found.end()) return "";
    std::vector<std::string> items;
    for (std::size_t label = 0; label < found.size(); ++label)
        if (!found[label]) items.push_back("'" + clean_text(dataset.classes[label]) + "'");
    if (items.empty()) return "";
    return fmt::format("{} no {} images, so that the {} accuracy says nothing of {}: {}",
                       items.size() == 1 ? "1 class has" : fmt::format("{} classes have", items.size()), part, part,
                       items.size() == 1 ? "it" : "them", named(items));
}

/// ".jfif (3), .heic (1), none (2)", the most frequent first.
std::string endings_text(const std::vector<std::string>& paths) {
    std::map<std::string, std::size_t> count;
    for (const std::string& path : paths) ++count[clean_text(std::filesystem::path(path).extension().string())];
    std::vector<std::pair<std::string, std::size_t>> endings(count.begin(), count.end());
    std::ranges::stable_sort(endings, std::greater<>(), &std::pair<std::string, std::size_t>::second);
    std::vector<std::string> items;
    for (const auto& [ending, number] : endings)
        items.push_back(fmt::format("{} ({})", ending.empty() ? "none" : ending, number));
    return fmt::format("{}", fmt::join(items, ", "));
}

}  // namespace

std::map<std::size_t, std::string> trained_copies(const Dataset& dataset) {
    std::map<std::size_t, std::string> copies;
    for (const auto& [i, there] : shared(dataset, equal_images(dataset), Part::validation, Part::train))
        copies[i] = dataset.images[there].path;
    return copies;
}

std::string left_out_text(const Dataset& dataset, const std::string& within) {
    std::map<LeftOut::Why, std::vector<std::string>> by_reason;
    for (const LeftOut& one : dataset.left_out)
        if (within.empty() || one.path.starts_with(within + "/")) by_reason[one.why].push_back(clean_text(one.path));
    std::vector<std::string> lines;
    if (const auto& files = by_reason[LeftOut::Why::ending]; !files.empty())
        lines.push_back(fmt::format(
            "{} left out for {} endings, {}: {}; thaw takes {}: rename those that are such images",
            files.size() == 1 ? "1 file is" : fmt::format("{} files are", files.size()),
            files.size() == 1 ? "its" : "their", endings_text(files), named(files), fmt::join(image_endings(), " ")));
    if (const auto& links = by_reason[LeftOut::Why::broken_link]; !links.empty())
        lines.push_back(fmt::format("{} left out, for {} nowhere: {}",
                                    links.size() == 1 ? "1 link is" : fmt::format("{} links are", links.size()),
                                    links.size() == 1 ? "it leads" : "they lead", named(links)));
    if (const auto& folders = by_reason[LeftOut::Why::no_part]; !folders.empty())
        lines.push_back(fmt::format("{} left out, being none of train, val and test: {}",
                                    folders.size() == 1 ? "1 folder is" : fmt::format("{} folders are", folders.size()),
                                    named(folders)));
    return fmt::format("{}", fmt::join(lines, "\n"));
}

std::vector<std::string> findings(const Dataset& dataset) {
    const std::vector<Places> equal = equal_images(dataset);
    std::vector<std::string> all = {
        shared_text(dataset, equal, Part::validation, Part::train),
        shared_text(dataset, equal, Part::test, Part::train),
        shared_text(dataset, equal, Part::test, Part::validation),
        copies_text(dataset, equal),
        two_classes_text(dataset, equal),
        groups_text(dataset),
        missing_text(dataset, "validation", [](const ImageFile& image) { return image.validates(); }),
        missing_text(dataset, "test", [](const ImageFile& image) { return image.part == Part::test; }),
        left_out_text(dataset)};
    std::erase(all, "");
    return all;
}

std::string changes_text(const Dataset& before, const Dataset& now) {
    std::unordered_map<std::string, const ImageFile*> old;
    for (const ImageFile& image : before.images) old.emplace(image.path, &image);
    std::vector<std::string> added, changed, moved, gone;
    for (const ImageFile& image : now.images) {
        const auto found = old.find(image.path);
        if (found == old.end()) {
            added.push_back(clean_text(image.path));
            continue;
        }
        const ImageFile& was = *found->second;
        if (was.fingerprint != image.fingerprint)
            changed.push_back(clean_text(image.path));
        else if (was.part != image.part || was.fold != image.fold)
            moved.push_back(clean_text(image.path));
        old.erase(found);
    }
    for (const auto& [path, image] : old) gone.push_back(clean_text(path));
    std::ranges::sort(gone);
    std::vector<std::string> parts;
    const auto say = [&](const std::vector<std::string>& paths, const char* what) {
        if (!paths.empty())
            parts.push_back(fmt::format("{} {} {} ({})", count_text(paths.size(), "image"),
                                        paths.size() == 1 ? "has" : "have", what, named(paths)));
    };
    say(changed, "other content");
    say(added, "come");
    say(gone, "gone");
    say(moved, "changed between the parts or folds");
    if (before.classes != now.classes)
        parts.push_back(fmt::format("the classes were {}", fmt::join(before.classes, ", ")));
    return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace thaw
