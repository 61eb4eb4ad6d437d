// What a folder of photos holds, before anything is made of it: for `thaw init`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "worker/data/image_folder.hpp"

namespace thaw {

struct FolderLook {
    Dataset dataset;             // split as the default says where the folder does not
    std::vector<int> per_class;  // train and validation images, by class
    int test_images = 0;
    std::vector<std::int64_t> widths, heights;   // of images that can be read, sorted; as stored
    std::map<std::string, std::string> damaged;  // path in the folder -> why it cannot be read
};

/// Decodes every image, on so many threads. Throws UserError where it is no folder of classes.
FolderLook look_at_folder(const std::filesystem::path& folder, int threads);

/// For people: classes and counts, sizes, splits, damaged files.
std::string folder_text(const FolderLook& look);

}  // namespace thaw
