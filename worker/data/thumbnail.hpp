// A photo's small copy for pages that people look at.
#pragma once

#include <filesystem>
#include <string>

namespace thaw {

/// The middle square at 96 x 96 pixels, as the bytes of a JPEG file; empty where the photo cannot be read.
std::string thumbnail(const std::filesystem::path& photo);

}  // namespace thaw
