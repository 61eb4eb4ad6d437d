// One file from the web to the disk: goes on where an earlier attempt broke off, and appears under its name only when
// it is whole and right.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace thaw {

struct Download {
    std::string address;
    std::filesystem::path path;
    /// Throws UserError where the file is not the one that was meant.
    std::function<void(const std::filesystem::path&)> check;
    /// Bytes there are and, 0 where unknown, bytes there will be.
    std::function<void(std::uint64_t, std::uint64_t)> progress = {};
    std::chrono::seconds patience{30};      // with a server that sends nothing
    std::chrono::milliseconds pause{1000};  // before a second attempt; twice that before a third
    int attempts = 4;
};

/// One process at a time; who waited for another finds the file there. What came before an attempt broke off is kept
/// beside the path for the next, as long as the server still has the same file. Throws UserError: offline, not there,
/// broken off, not what was meant; each with the address and the folder.
void download(const Download& wanted);

}  // namespace thaw
