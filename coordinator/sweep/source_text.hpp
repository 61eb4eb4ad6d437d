// A text that a person wrote, and errors that point into it: FILE:LINE:COLUMN, the line itself, a caret below.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/util/error.hpp"

namespace thaw {

struct SourceText {
    std::filesystem::path file;  // as the user named it
    std::string text;
};

/// Where in a text something stands. Both count from 1, columns in bytes; 0 is "nowhere" (a default, say).
struct Place {
    int line = 0;
    int column = 0;
    explicit operator bool() const { return line > 0; }
};

/// "FILE:LINE:COLUMN: MESSAGE", then the line and a caret under the column (here counted in characters).
/// For a place that is nowhere: "FILE: MESSAGE".
UserError error_at(const SourceText& source, Place place, std::string_view message);

/// The first `count` characters of UTF-8 text.
std::string_view first_characters(std::string_view text, std::size_t count);

/// Throws UserError where the text is not UTF-8, or holds control characters, or tabs as indentation.
void check_text(const SourceText& source);

/// Reads a file of at most `limit` bytes; throws UserError where it cannot be read or is larger.
SourceText read_source(const std::filesystem::path& file, std::size_t limit);

}  // namespace thaw
