#include "common/util/storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "common/util/byte_size.hpp"
#include "common/util/error.hpp"

namespace thaw {

bool is_storage_code(int code) {
    constexpr int kCodes[] = {ENOSPC, EDQUOT, EROFS, EFBIG};
    return std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

bool is_storage_error(const std::exception& error) {
    if (dynamic_cast<const StorageError*>(&error)) return true;
    const auto* system = dynamic_cast<const std::system_error*>(&error);
    return system && system->code().category() == std::generic_category() && is_storage_code(system->code().value());
}

std::string room_text(const std::filesystem::path& path, std::int64_t bytes) {
    std::error_code unknown;
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const auto free = std::filesystem::space(folder, unknown).available;
    std::string text = fmt::format("{}: {} more are to be written", path.string(), byte_size_text(bytes));
    if (!unknown) text += fmt::format(", {} are free", byte_size_text(static_cast<std::int64_t>(free)));
    return text;
}

}  // namespace thaw
