// The folder of decoded images, features and snapshots that all sweeps share: what lies in it, and what goes first when
// the byte budget is reached.
//
// Any number of processes use one folder at once, and any of them may be killed at any moment:
// - Files appear by rename; a file that is being written has its full size from the start, so it counts as held.
// - A running sweep holds a lock on a file running-* of its own, made when it began. Who can lock such a file knows
//   that its sweep has ended, however.
// - An entry's modification time is that of its last use. What was used, or is being written, since the oldest running
//   sweep began is in use and stays; all other entries go, the least recently used first, when room is needed.
// - A snapshot that a finished training has left is given back: not in use. Who misses one trains again.
// - All of this is decided under one lock on the file `lock`. Every time stamp is the file system's, so clocks of hosts
//   do not matter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/util/file_lock.hpp"

namespace thaw {

/// The name of an array file: what was made of the images, and of which images in which order.
struct ArrayName {
    std::string content;  // "features-mobilenet_v2-154-avg-0123456789abcdef"
    std::string images;   // hexadecimal digits

    std::string file() const;  // "CONTENT-IMAGES.array"
    static std::optional<ArrayName> parse(const std::string& file);
};

/// The name of a snapshot file: of which trajectory (trajectory_key), after which epoch.
struct SnapshotName {
    std::string trajectory;  // hexadecimal digits
    int epoch = 0;

    std::string file() const;  // "snapshot-TRAJECTORY-EPOCH.state"
    static std::optional<SnapshotName> parse(const std::string& file);
};

/// The file beside an array in which its bad images are told; it comes and goes with the array.
std::filesystem::path bad_images_file(const std::filesystem::path& array);

struct CacheEntry {
    std::filesystem::path file;
    std::string what;        // for people: "features mobilenet_v2 154 avg", "snapshot after epoch 8"
    std::string of;          // hexadecimal digits: which images, or which trajectory
    std::int64_t bytes = 0;  // with the file beside it
    std::filesystem::file_time_type last_use;
    bool in_use = false;  // by a sweep that runs, as far as that can be told
};

/// The right of a running sweep to what it uses; ends with the object or the process.
class RunningSweep {
  public:
    RunningSweep(std::filesystem::path file, FileLock lock) : file_(std::move(file)), lock_(std::move(lock)) {}
    ~RunningSweep();
    RunningSweep(RunningSweep&& other) noexcept
        : file_(std::exchange(other.file_, {})), lock_(std::move(other.lock_)) {}

  private:
    std::filesystem::path file_;
    FileLock lock_;
};

class CacheFolder {
  public:
    /// The folder must be there, but for entries() and held().
    explicit CacheFolder(std::filesystem::path folder, std::int64_t budget = 0)
        : folder_(std::move(folder)), budget_(budget) {}

    /// To be called before the sweep looks for anything here. Removes what killed writers have left.
    RunningSweep begin_sweep() const;

    /// Marks the array or snapshot as used now; false where it is not there. From then on it stays as long as a running
    /// sweep that began before.
    bool use(const std::filesystem::path& file) const;

    /// Marks the file as used just before the oldest running sweep began: it may go when room is needed, after all that
    /// was used before.
    void give_back(const std::filesystem::path& file) const;

    /// Removes what was not used for longest until `bytes` more fit into the budget. Nobody else makes room while the
    /// lock lives: keep it until the space is taken. Where all that is left is in use, the budget is passed, with a
    /// warning: losing work that runs would be worse.
    [[nodiscard]] FileLock make_room(std::int64_t bytes) const;

    /// File names of all arrays.
    std::set<std::string> arrays() const;
    /// Epochs of which there is a snapshot, by trajectory.
    std::map<std::string, std::set<int>> snapshots() const;
    /// All entries, the least recently used first.
    std::vector<CacheEntry> entries() const;
    /// Bytes of all files here.
    std::int64_t held() const;
    /// Removes every entry that is not in use; returns the bytes freed.
    std::int64_t clear() const;

    const std::filesystem::path& path() const { return folder_; }
    std::int64_t budget() const { return budget_; }

  private:
    FileLock lock() const { return FileLock::wait(folder_ / "lock"); }
    std::int64_t remove_until(const std::function<bool(std::int64_t freed)>& enough) const;

    std::filesystem::path folder_;
    std::int64_t budget_;
};

/// What the folder may hold where nobody says: half of what is free plus what it holds, at most 50 GB.
std::int64_t default_cache_budget(const std::filesystem::path& folder);

}  // namespace thaw
