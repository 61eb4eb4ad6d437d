// How near this process is to the limit of the memory that it may use.
#pragma once

#include <cstdint>
#include <filesystem>

namespace thaw {

struct MemoryUse {
    std::int64_t used = 0, limit = 0;  // bytes; a limit of 0: not known
    /// Little enough is left for the kernel to end processes soon: under a tenth of the limit, and under 512 MiB
    /// unless that is under a fiftieth.
    bool near_limit() const;
};

/// Of the machine. `root` is where /proc lies.
MemoryUse machine_memory(const std::filesystem::path& root = "/");

/// The tightest of the machine's memory and of the limits of the control groups (version 2) that this process is in.
/// Caches of files, which the kernel can take back, do not count as used. `root` is where /proc and /sys lie.
MemoryUse memory_use(const std::filesystem::path& root = "/");

}  // namespace thaw
