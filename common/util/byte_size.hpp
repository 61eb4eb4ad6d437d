// Sizes as people write them: "20 GB", "512MiB".
#pragma once

#include <cstdint>
#include <string>

namespace thaw {

/// A number with B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of 1024), in either case; without a unit:
/// bytes. Throws UserError for anything else, and for less than one byte.
std::int64_t parse_byte_size(const std::string& text);

/// "20.0 GB"
std::string byte_size_text(std::int64_t bytes);

}  // namespace thaw
