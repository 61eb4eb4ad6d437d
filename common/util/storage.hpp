// Disks that are full, over quota or read-only: how that is told from other errors, and what is said about it.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <string>

namespace thaw {

/// Whether `code`, an errno, says that there is no room or that nothing may be written.
bool is_storage_code(int code);

/// Whether the error is a StorageError, or a std::system_error with such a code.
bool is_storage_error(const std::exception& error);

/// "/cache/x: 12 MB more are to be written, 3 MB are free". `bytes`: what has not been written yet.
std::string room_text(const std::filesystem::path& path, std::int64_t bytes);

}  // namespace thaw
