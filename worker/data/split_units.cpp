#include "worker/data/split_units.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "common/util/fingerprint.hpp"

namespace thaw {

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

ClassSizes class_sizes(const std::vector<ImageFile>& images) {
    ClassSizes sizes;
    for (const ImageFile& image : images) ++sizes[image.label];
    return sizes;
}

Units units_of(const std::vector<ImageFile>& images, std::uint64_t seed, const std::string& purpose) {
    Indices first(images.size());  // an earlier image of the same unit, or itself
    std::iota(first.begin(), first.end(), std::size_t{0});
    const auto root = [&](std::size_t i) {
        while (first[i] != i) i = first[i] = first[first[i]];
        return i;
    };
    const Indices order = sorted_order(images);
    std::unordered_map<std::string_view, std::size_t> of_content, of_group;
    for (const std::size_t i : order) {
        first[root(i)] = root(of_content.emplace(images[i].fingerprint, i).first->second);
        if (!images[i].group.empty()) first[root(i)] = root(of_group.emplace(images[i].group, i).first->second);
    }
    std::unordered_map<std::size_t, Unit> by_root;
    const std::string seed_text = std::to_string(seed) + purpose;
    for (const std::size_t i : order) {
        Unit& unit = by_root[root(i)];
        const ImageFile& image = images[i];
        const std::string& common = image.group.empty() ? image.fingerprint : image.group;
        std::string rank = Fingerprint().add(common).add(seed_text).hex();
        if (unit.images.empty() || rank < unit.rank) unit.rank = std::move(rank);
        unit.images.push_back(i);
        ++unit.sizes[image.label];
    }
    Units units;
    for (auto& [at, unit] : by_root) units.push_back(std::move(unit));
    std::ranges::sort(units, {}, [](const Unit& unit) { return std::tie(unit.rank, unit.images.front()); });
    return units;
}

std::map<int, std::vector<const Unit*>> units_by_class(const Units& units) {
    std::map<int, std::vector<const Unit*>> by_class;
    for (const Unit& unit : units)
        for (const auto& [label, size] : unit.sizes) by_class[label].push_back(&unit);
    return by_class;
}

}  // namespace thaw
