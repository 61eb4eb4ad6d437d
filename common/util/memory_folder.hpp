// A folder on a file system in RAM, for what one run keeps in memory and several processes of it read.
#pragma once

#include <cstdint>
#include <filesystem>

namespace thaw {

/// The folder of this process, in /dev/shm; gone with the object. What processes that were killed have left there is
/// removed when the next one begins.
class MemoryFolder {
  public:
    MemoryFolder();
    ~MemoryFolder();
    MemoryFolder(const MemoryFolder&) = delete;
    MemoryFolder& operator=(const MemoryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// Half of the memory that is available, as far as /dev/shm has room for it; 0 where there is no /dev/shm.
std::int64_t default_memory_budget();

}  // namespace thaw
