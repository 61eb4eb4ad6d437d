// Images that no split may part from each other: of equal content, or of one group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "worker/data/image_folder.hpp"

namespace thaw {

using Indices = std::vector<std::size_t>;
using ClassSizes = std::map<int, std::size_t>;  // images by class

/// All images as Keras lists them: class by class, each sorted by folder, then by name.
Indices sorted_order(const std::vector<ImageFile>& images);

ClassSizes class_sizes(const std::vector<ImageFile>& images);

struct Unit {
    Indices images;    // in sorted_order
    ClassSizes sizes;  // of them
    std::string rank;  // a hash of what they have in common and the seed: the smallest ones validate
};
using Units = std::vector<Unit>;

/// All images, each in one unit; sorted by rank. `purpose` makes another order of the same seed.
Units units_of(const std::vector<ImageFile>& images, std::uint64_t seed, const std::string& purpose = "");
/// Those that have images of a class, sorted by rank; one of several classes is there several times.
std::map<int, std::vector<const Unit*>> units_by_class(const Units& units);

}  // namespace thaw
