// An exclusive lock on a file; the kernel takes it back however its holder ends.
#pragma once

#include <filesystem>
#include <optional>

namespace thaw {

/// Keeps apart processes, also on several hosts of one network file system, and holders inside one process.
class FileLock {
  public:
    /// Waits until nobody else has it; makes the file where it is not there. Throws StageError where it cannot be made
    /// or the file system knows no locks.
    static FileLock wait(const std::filesystem::path& path);
    /// None where somebody has it, or that cannot be told. The file must be there.
    static std::optional<FileLock> try_now(const std::filesystem::path& path);

    ~FileLock();
    FileLock(FileLock&& other) noexcept;
    FileLock& operator=(FileLock&& other) noexcept;

  private:
    explicit FileLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

}  // namespace thaw
