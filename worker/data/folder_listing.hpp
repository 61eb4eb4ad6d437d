// What one folder of a data set holds: folders, images, and what is neither.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/trial/data_options.hpp"
#include "worker/data/image_folder.hpp"

namespace thaw {

using Endings = std::vector<std::string_view>;

/// .jpg .jpeg .png .bmp .webp .ppm .tif .tiff .gif
const Endings& image_endings();
/// What this way to split takes for images: Keras' own ways do not take all.
const Endings& endings_of(SplitMethod method);

/// Names, sorted bytewise. Dot files and what operating systems leave in folders are in none of the lists.
struct Listing {
    std::vector<std::string> folders, images;
    std::vector<std::string> others;        // other files
    std::vector<std::string> broken_links;  // that lead nowhere, or round in a circle
};
/// Throws UserError where the folder cannot be listed, or holds names that are not UTF-8.
Listing list_folder(const std::filesystem::path& folder, const Endings& endings = image_endings());

/// Names go into JSON, the database and the report, which are UTF-8. Throws UserError.
void check_utf8(const std::string& name, const std::filesystem::path& where);

/// train, val, validation, valid, test, in either case.
std::optional<Part> part_named(std::string_view name);

/// Throws UserError where all folders are called like parts, such as training_set and test_set, and have folders
/// inside: nobody means to tell such classes apart.
void refuse_likely_parts(const std::filesystem::path& folder, const Listing& top);

}  // namespace thaw
