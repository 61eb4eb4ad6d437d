// Remembers files' content fingerprints by path and by what changes with them, so that a folder is hashed once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>

namespace thaw {

/// Loads `file` (none where the path is empty; a damaged one counts as empty). of() may be called by several threads.
class FingerprintCache {
  public:
    explicit FingerprintCache(std::filesystem::path file);

    /// The fingerprint of the file's content, from memory where size, both times and the inode are the remembered
    /// ones: who replaces or edits a file can set its modification time back, but not that of its last change.
    /// Throws std::system_error where it cannot be read.
    std::string of(const std::filesystem::path& path);
    /// Writes what is new; a place that cannot be written costs only time at the next scan, and a warning.
    void save() const;

  private:
    struct State {
        std::uint64_t size, inode;
        std::int64_t modified_ns, changed_ns;
        bool operator==(const State&) const = default;
    };
    struct Entry {
        State state;
        std::string fingerprint;
    };
    std::filesystem::path file_;
    std::mutex mutex_;
    std::map<std::string, Entry> entries_;
    bool changed_ = false;
};

}  // namespace thaw
