#include "worker/heads/model_state.hpp"

#include <cstdint>
#include <cstring>

#include "common/util/error.hpp"

namespace thaw {

std::string join_state(const std::vector<std::string_view>& parts) {
    std::string joined;
    for (const std::string_view part : parts) {
        const std::uint64_t size = part.size();
        joined.append(reinterpret_cast<const char*>(&size), sizeof size);
        joined += part;
    }
    return joined;
}

std::vector<std::string_view> split_state(std::string_view state, const std::vector<std::size_t>& sizes) {
    std::vector<std::string_view> parts;
    for (const std::size_t expected : sizes) {
        std::uint64_t size = 0;
        const std::size_t left = state.size();
        if (left >= sizeof size) std::memcpy(&size, state.data(), sizeof size);
        if (left < sizeof size || size != expected || left - sizeof size < size)
            throw StageError("a saved state is of another model: part {} has {} bytes instead of {}, {} are left",
                             parts.size() + 1, size, expected, left);
        parts.push_back(state.substr(sizeof size, size));
        state.remove_prefix(sizeof size + size);
    }
    if (!state.empty()) throw StageError("a saved state is of another model: it is {} bytes too long", state.size());
    return parts;
}

}  // namespace thaw
