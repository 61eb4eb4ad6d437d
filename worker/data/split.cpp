// The four ways to choose validation images, once or in folds.
#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>
#include <string_view>
#include <tuple>

#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "worker/data/image_folder.hpp"
#include "worker/data/numpy_shuffle.hpp"

namespace thaw {
namespace {

using Indices = std::vector<std::size_t>;

/// All images as Keras lists them: class by class, each sorted by folder, then by name.
Indices sorted_order(const std::vector<ImageFile>& images) {
    Indices order(images.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto folder_of = [](const std::string& path) {
        return std::string_view(path).substr(0, std::min(path.rfind('/'), path.size()));
    };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const ImageFile &x = images[a], &y = images[b];
        return std::tuple(x.label, folder_of(x.path), std::string_view(x.path)) <
               std::tuple(y.label, folder_of(y.path), std::string_view(y.path));
    });
    return order;
}

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

/// By which a class's images are dealt out: hashes of content and seed.
std::vector<std::string> content_ranks(const std::vector<ImageFile>& images, const SplitOptions& options) {
    const std::string seed = std::to_string(options.seed);
    std::vector<std::string> rank;
    for (const ImageFile& image : images) rank.push_back(Fingerprint().add(image.fingerprint).add(seed).hex());
    return rank;
}

Indices stratified(const std::vector<ImageFile>& images, int classes, const SplitOptions& options) {
    const std::vector<std::string> rank = content_ranks(images, options);
    return choose_per_class(images, classes, [&](Indices members) {
        const auto size = static_cast<double>(members.size());
        const double wanted = std::max(1.0, std::round(options.validation * size));
        const auto count = static_cast<std::size_t>(std::max(0.0, std::min(wanted, size - 1)));
        std::ranges::stable_sort(members, {}, [&](std::size_t i) -> const std::string& { return rank[i]; });
        return first(std::move(members), count);
    });
}

/// The list in pieces, the first of which are one longer where it does not come out even.
void fold_pieces(std::vector<ImageFile>& images, const Indices& list, int folds) {
    const std::size_t count = static_cast<std::size_t>(folds), size = list.size() / count, longer = list.size() % count;
    std::size_t next = 0;
    for (std::size_t fold = 0; fold < count; ++fold)
        for (std::size_t end = next + size + (fold < longer ? 1 : 0); next < end; ++next)
            images[list[next]].fold = static_cast<int>(fold) + 1;
}

/// Image after image, class by class, to one fold after the other.
void deal_out(std::vector<ImageFile>& images, int classes, const SplitOptions& options) {
    const std::vector<std::string> rank = content_ranks(images, options);
    std::size_t next = 0;
    choose_per_class(images, classes, [&](Indices members) {
        std::ranges::stable_sort(members, {}, [&](std::size_t i) -> const std::string& { return rank[i]; });
        for (const std::size_t i : members)
            images[i].fold = static_cast<int>(next++ % static_cast<std::size_t>(options.folds)) + 1;
        return Indices();
    });
}

/// As many of each class in each fold as deal_out gives it, but neighbours in the list stay together.
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

void fold_images(std::vector<ImageFile>& images, int classes, const SplitOptions& options) {
    if (options.folds < 2 || static_cast<std::size_t>(options.folds) > images.size())
        throw UserError("folds: {} of {} images; it takes at least 2 folds, and an image for each", options.folds,
                        images.size());
    switch (options.method) {
        case SplitMethod::keras_generator:
            return fold_classes(images, classes, options.folds);
        case SplitMethod::keras_dataset:
            return fold_pieces(images, keras_dataset_order(images, options), options.folds);
        case SplitMethod::fit:
            return fold_pieces(images, sorted_order(images), options.folds);
        case SplitMethod::stratified:
            return deal_out(images, classes, options);
    }
}

}  // namespace

void split_images(std::vector<ImageFile>& images, int classes, const SplitOptions& options) {
    for (ImageFile& image : images) image.part = Part::train;
    if (options.folds != 0) return fold_images(images, classes, options);
    if (!(options.validation > 0 && options.validation < 1))
        throw UserError("validation: {} is not a fraction between 0 and 1", options.validation);
    const auto choose = [&] {
        switch (options.method) {
            case SplitMethod::keras_generator:
                return keras_generator(images, classes, options);
            case SplitMethod::keras_dataset:
                return keras_dataset(images, options);
            case SplitMethod::fit:
                return fit(images, options);
            case SplitMethod::stratified:
                return stratified(images, classes, options);
        }
        THAW_CHECK(false, "split method {}", static_cast<int>(options.method));
    };
    for (std::size_t i : choose()) images[i].part = Part::validation;
}

}  // namespace thaw
