// A file that appears whole under its name or not at all: written beside it, synced, then renamed. A name that is a
// link stays one: what it leads to is replaced. What is no regular file (a device, a FIFO) is written to as it is.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace thaw {

/// Write, then commit(); without a commit the destructor removes what was written. Errors are std::system_error with
/// the path in their text (disk full, read-only, quota). Not for use by two threads at once; two writers of the same
/// name do not disturb each other, the later commit wins.
class AtomicFile {
  public:
    explicit AtomicFile(std::filesystem::path path);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(const void* data, std::size_t bytes);
    void write(std::string_view text) { write(text.data(), text.size()); }
    /// Overwrites bytes already written, at `offset` (for a header whose content is known at the end).
    void write_at(std::size_t offset, const void* data, std::size_t bytes);
    /// Syncs the content and renames it into place. Without the sync, which may take a disk long, a kill of any process
    /// does no harm, but a power cut may leave a damaged file.
    void commit(bool synced = true);

  private:
    std::filesystem::path path_, temporary_;  // temporary_ is empty where what is there is written to
    int descriptor_ = -1;
};

/// Removes what writers that were killed have left in a folder: no one may be writing there.
void remove_unfinished_files(const std::filesystem::path& folder);

/// The whole of a small file as text; throws std::system_error.
std::string read_file(const std::filesystem::path& path);

/// Writes `text` to `path` atomically.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace thaw
