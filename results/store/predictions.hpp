// How the database keeps what a trial takes images for.
#pragma once

#include <string>
#include <vector>

namespace thaw {

/// Two bytes an image, the low one first: the class's index, -1 as 65535.
std::string packed_classes(const std::vector<int>& predicted);
std::vector<int> unpacked_classes(const std::string& bytes);

}  // namespace thaw
