// The four ways to choose validation images, once or in folds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <string_view>
#include <tuple>

#include "common/util/error.hpp"
#include "worker/data/image_folder.hpp"
#include "worker/data/numpy_shuffle.hpp"
#include "worker/data/split_units.hpp"

namespace thaw {
namespace {

/// Calls `choose` with the sorted images of each class; what it returns validates.
Indices choose_per_class(const std::vector<ImageFile>& images, int classes,
                         const std::function<Indices(Indices)>& choose) {
    std::vector<Indices> members(static_cast<std::size_t>(classes));
    for (std::size_t i : sorted_order(images)) members[static_cast<std::size_t>(images[i].label)].push_back(i);
    Indices chosen;
    for (Indices& member : members) std::ranges::copy(choose(std::move(member)), std::back_inserter(chosen));
    return chosen;
}

Indices first(Indices indices, std::size_t count) {
    indices.resize(count);
    return indices;
}

Indices last(const Indices& indices, std::size_t count) {
    return {indices.end() - static_cast<std::ptrdiff_t>(count), indices.end()};
}

std::size_t truncated(double fraction, std::size_t count) {
    return static_cast<std::size_t>(fraction * static_cast<double>(count));
}

Indices keras_generator(const std::vector<ImageFile>& images, int classes, const SplitOptions& options) {
    return choose_per_class(images, classes, [&](Indices members) {
        const std::size_t count = truncated(options.validation, members.size());
        return first(std::move(members), count);
    });
}

Indices keras_dataset_order(const std::vector<ImageFile>& images, const SplitOptions& options) {
    if (options.seed > 0xffff'ffff)
        throw UserError("split seed {}: keras-dataset takes seeds from 0 to 4294967295, as numpy does", options.seed);
    const Indices sorted = sorted_order(images);
    Indices shuffled;
    for (std::size_t i : numpy_shuffled_order(sorted.size(), static_cast<std::uint32_t>(options.seed)))
        shuffled.push_back(sorted[i]);
    return shuffled;
}

Indices keras_dataset(const std::vector<ImageFile>& images, const SplitOptions& options) {
    const Indices shuffled = keras_dataset_order(images, options);
    return last(shuffled, truncated(options.validation, shuffled.size()));
}

Indices fit(const std::vector<ImageFile>& images, const SplitOptions& options) {
    // Keras rounds the training part down, not the validation part.
    const std::size_t training = truncated(1.0 - options.validation, images.size());
    return last(sorted_order(images), images.size() - training);
}

Indices stratified(const std::vector<ImageFile>& images, const Units& units, double fraction) {
    const ClassSizes sizes = class_sizes(images);
    ClassSizes wanted, most, chosen;
    for (const auto& [label, size] : sizes) {
        most[label] = size - 1;
        wanted[label] = std::min(
            most[label], static_cast<std::size_t>(std::max(1.0, std::round(fraction * static_cast<double>(size)))));
    }
    std::vector<bool> used(images.size());
    Indices validates;
    const auto take_if_it_fits = [&](const Unit& unit, const ClassSizes& limit) {
        if (used[unit.images.front()]) return false;
        for (const auto& [label, size] : unit.sizes)
            if (chosen[label] + size > limit.at(label)) return false;
        for (const auto& [label, size] : unit.sizes) chosen[label] += size;
        for (const std::size_t i : unit.images) used[i] = true;
        std::ranges::copy(unit.images, std::back_inserter(validates));
        return true;
    };
    auto by_class = units_by_class(units);
    for (const auto& [label, members] : by_class)
        for (const Unit* unit : members) take_if_it_fits(*unit, wanted);
    for (auto& [label, members] : by_class) {  // of a few large units, the smallest one
        if (chosen[label] != 0) continue;
        std::ranges::stable_sort(members, {}, [](const Unit* unit) { return unit->images.size(); });
        std::ranges::any_of(members, [&](const Unit* unit) { return take_if_it_fits(*unit, most); });
    }
    return validates;
}

/// The list in pieces, the first of which are one longer where it does not come out even.
void fold_pieces(std::vector<ImageFile>& images, const Indices& list, int folds) {
    const std::size_t count = static_cast<std::size_t>(folds), size = list.size() / count, longer = list.size() % count;
    std::size_t next = 0;
    for (std::size_t fold = 0; fold < count; ++fold)
        for (std::size_t end = next + size + (fold < longer ? 1 : 0); next < end; ++next)
            images[list[next]].fold = static_cast<int>(fold) + 1;
}

/// Unit after unit, class by class, to the fold that has the fewest images of the class, then of all.
void deal_out(std::vector<ImageFile>& images, const Units& units, int folds) {
    std::vector<ClassSizes> of_class(static_cast<std::size_t>(folds));
    std::vector<std::size_t> all(of_class.size());
    for (const auto& [label, members] : units_by_class(units))
        for (const Unit* unit : members) {
            if (images[unit->images.front()].fold != 0) continue;
            std::size_t least = 0;
            for (std::size_t fold = 1; fold < all.size(); ++fold)
                if (std::pair(of_class[fold][label], all[fold]) < std::pair(of_class[least][label], all[least]))
                    least = fold;
            all[least] += unit->images.size();
            for (const auto& [of_unit, size] : unit->sizes) of_class[least][of_unit] += size;
            for (const std::size_t i : unit->images) images[i].fold = static_cast<int>(least) + 1;
        }
}

/// As many of each class in each fold as round after round gives it, but neighbours in the list stay together.
void fold_classes(std::vector<ImageFile>& images, int classes, int folds) {
    std::size_t next = 0;
    choose_per_class(images, classes, [&](const Indices& members) {
        std::vector<std::size_t> sizes(static_cast<std::size_t>(folds));
        for (std::size_t i = 0; i < members.size(); ++i) ++sizes[next++ % sizes.size()];
        std::size_t at = 0;
        for (std::size_t fold = 0; fold < sizes.size(); ++fold)
            for (std::size_t end = at + sizes[fold]; at < end; ++at)
                images[members[at]].fold = static_cast<int>(fold) + 1;
        return Indices();
    });
}

/// Each image to one fold, by itself.
void fold_each(std::vector<ImageFile>& images, int classes, const SplitOptions& options) {
    switch (options.method) {
        case SplitMethod::keras_generator:
            return fold_classes(images, classes, options.folds);
        case SplitMethod::keras_dataset:
            return fold_pieces(images, keras_dataset_order(images, options), options.folds);
        case SplitMethod::fit:
            return fold_pieces(images, sorted_order(images), options.folds);
        case SplitMethod::stratified:
            return;
    }
}

void fold_images(std::vector<ImageFile>& images, int classes, const SplitOptions& options, const Units& units) {
    if (options.folds < 2 || static_cast<std::size_t>(options.folds) > units.size())
        throw UserError(
            "folds: {} of {} images{}; it takes at least 2 folds, and an image for each", options.folds, images.size(),
            units.size() == images.size()
                ? ""
                : fmt::format(", {} of which must not be parted from others", images.size() - units.size()));
    if (options.method == SplitMethod::stratified) return deal_out(images, units, options.folds);
    fold_each(images, classes, options);
    for (const Unit& unit : units)
        for (const std::size_t i : unit.images) images[i].fold = images[unit.images.front()].fold;
}

void check_fraction(const char* name, double fraction) {
    if (!(fraction > 0 && fraction < 1)) throw UserError("{}: {} is not a fraction between 0 and 1", name, fraction);
}

}  // namespace

void split_images(std::vector<ImageFile>& images, int classes, const SplitOptions& options) {
    if (options.method != SplitMethod::stratified && (!options.group.empty() || options.test != 0))
        throw UserError("the split '{}' is Keras' own, which knows no groups and no test part; take 'stratified'",
                        to_string(options.method));
    for (ImageFile& image : images) image.part = Part::train;
    if (options.test != 0) {
        check_fraction("test", options.test);
        check_fraction("validation and test together", options.validation + options.test);
        for (std::size_t i : stratified(images, units_of(images, options.seed, "test"), options.test))
            images[i].part = Part::test;
        const auto tests =
            std::ranges::stable_partition(images, [](const ImageFile& image) { return image.part != Part::test; });
        std::vector<ImageFile> rest(images.begin(), tests.begin());
        SplitOptions others = options;
        others.test = 0;
        // A fraction of all images, also once some are gone.
        others.validation = options.validation * static_cast<double>(images.size()) / static_cast<double>(rest.size());
        split_images(rest, classes, others);
        std::ranges::move(rest, images.begin());
        return;
    }
    if (options.folds != 0) return fold_images(images, classes, options, units_of(images, options.seed));
    check_fraction("validation", options.validation);
    const auto choose = [&] {
        switch (options.method) {
            case SplitMethod::keras_generator:
                return keras_generator(images, classes, options);
            case SplitMethod::keras_dataset:
                return keras_dataset(images, options);
            case SplitMethod::fit:
                return fit(images, options);
            case SplitMethod::stratified:
                return stratified(images, units_of(images, options.seed), options.validation);
        }
        THAW_CHECK(false, "split method {}", static_cast<int>(options.method));
    };
    for (std::size_t i : choose()) images[i].part = Part::validation;
}

}  // namespace thaw
