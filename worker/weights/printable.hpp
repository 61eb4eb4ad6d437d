// Text from a file of unknown origin, made safe for a terminal and short enough for a message.
#pragma once

#include <string>
#include <string_view>

namespace thaw {

/// Control characters become '?', long texts are cut at `most` bytes.
inline std::string printable(std::string_view text, std::size_t most = 100) {
    std::string safe(text.substr(0, most));
    for (char& c : safe)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    if (text.size() > most) safe += "...";
    return safe;
}

}  // namespace thaw
