// Characters of UTF-8 text, and its canonical decomposition: names that look the same are equal in it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace thaw {

/// Decodes the character at `at` and moves past it; one bad byte gives U+FFFD.
char32_t next_character(std::string_view text, std::size_t& at);
/// Appends the character as UTF-8.
void append_character(std::string& text, char32_t code);

/// The text in Unicode's normalization form NFD, as macOS writes file names; Linux has them as they were typed, mostly
/// in NFC.
std::string canonical_decomposition(std::string_view text);

}  // namespace thaw
