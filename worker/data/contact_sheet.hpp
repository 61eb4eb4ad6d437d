// Pictures in rows and columns, as one PNG for people to look at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace thaw {

/// Square RGB pictures of one size, below a title.
struct SheetBlock {
    std::string title;
    int size = 0;                                              // pixels of a picture's side
    std::vector<std::vector<std::vector<std::uint8_t>>> rows;  // of pictures, [size, size, 3]
};

/// Small pictures are enlarged. Throws UserError where the file cannot be written, or its name does not end in .png.
void write_contact_sheet(const std::filesystem::path& file, const std::vector<SheetBlock>& blocks);

}  // namespace thaw
