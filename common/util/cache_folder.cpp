#include "common/util/cache_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>

#include "common/util/byte_size.hpp"
#include "common/util/error.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kArraySuffix = ".array";
constexpr std::string_view kBadSuffix = ".bad.json";
constexpr std::string_view kRunningPrefix = "running-";
constexpr std::string_view kRowsPrefix = "rows-";
constexpr std::string_view kSnapshotPrefix = "snapshot-";
constexpr std::string_view kSnapshotSuffix = ".state";
constexpr std::int64_t kLargestDefaultBudget = 50'000'000'000;

struct FoundFile {
    fs::path path;
    std::string name;
    std::int64_t bytes = 0;
    fs::file_time_type modified;
};

/// The files of a folder. One that disappears meanwhile is left out.
std::vector<FoundFile> files_in(const fs::path& folder) {
    std::vector<FoundFile> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        std::error_code gone;
        FoundFile file{
            entry.path(), entry.path().filename().string(), static_cast<std::int64_t>(entry.file_size(gone)), {}};
        if (gone) continue;
        file.modified = entry.last_write_time(gone);
        if (!gone) files.push_back(std::move(file));
    }
    return files;
}

/// When the oldest of the sweeps that run now began; the end of time where none runs. Removes what dead ones have left.
fs::file_time_type oldest_start(const std::vector<FoundFile>& files) {
    auto oldest = fs::file_time_type::max();
    for (const FoundFile& file : files) {
        if (!file.name.starts_with(kRunningPrefix)) continue;
        std::error_code ignored;
        if (FileLock::try_now(file.path))
            fs::remove(file.path, ignored);
        else if (fs::exists(file.path, ignored))
            oldest = std::min(oldest, file.modified);
    }
    return oldest;
}

/// "features mobilenet_v2 154 avg": the words of an array's name without its keys.
std::string words_of(const ArrayName& name) {
    std::string words = name.content.substr(0, name.content.rfind('-'));
    std::ranges::replace(words, '-', ' ');
    return words;
}

std::vector<CacheEntry> entries_of(const std::vector<FoundFile>& files, fs::file_time_type oldest) {
    std::vector<CacheEntry> entries;
    for (const FoundFile& file : files) {
        if (const auto snapshot = SnapshotName::parse(file.name)) {
            entries.push_back({file.path, fmt::format("snapshot after epoch {}", snapshot->epoch), snapshot->trajectory,
                               file.bytes, file.modified, file.modified >= oldest});
            continue;
        }
        const auto name = ArrayName::parse(file.name);
        if (!name) continue;
        std::error_code none;
        const auto beside = fs::file_size(bad_images_file(file.path), none);
        entries.push_back({file.path, words_of(*name), name->images,
                           file.bytes + (none ? 0 : static_cast<std::int64_t>(beside)), file.modified,
                           file.modified >= oldest});
    }
    std::ranges::sort(entries, [](const CacheEntry& a, const CacheEntry& b) {
        return std::tie(a.last_use, a.file) < std::tie(b.last_use, b.file);
    });
    return entries;
}

std::int64_t total_bytes(const std::vector<FoundFile>& files) {
    std::int64_t bytes = 0;
    for (const FoundFile& file : files) bytes += file.bytes;
    return bytes;
}

/// Removes files that no array needs: of writers that were killed, and beside arrays that are gone. What a sweep that
/// runs may be about to need is newer than the sweep.
void remove_leftovers(const std::vector<FoundFile>& files, fs::file_time_type oldest) {
    std::set<std::string> arrays, images;
    for (const FoundFile& file : files) {
        std::error_code gone;
        const auto name = ArrayName::parse(file.name);
        if (!name || !fs::exists(file.path, gone)) continue;
        arrays.insert(file.name);
        images.insert(name->images);
    }
    for (const FoundFile& file : files) {
        const std::string& name = file.name;
        const bool unfinished = name.starts_with('.') && name.ends_with(".tmp");
        const bool beside_nothing =
            name.ends_with(kBadSuffix) && !arrays.contains(name.substr(0, name.size() - kBadSuffix.size()));
        const bool rows_of_nothing = name.starts_with(kRowsPrefix) && !images.contains(name.substr(kRowsPrefix.size()));
        std::error_code ignored;
        if (file.modified < oldest && (unfinished || beside_nothing || rows_of_nothing)) fs::remove(file.path, ignored);
    }
}

}  // namespace

std::string ArrayName::file() const {
    return fmt::format("{}-{}{}", content, images, kArraySuffix);
}

std::optional<ArrayName> ArrayName::parse(const std::string& file) {
    if (file.starts_with('.') || !file.ends_with(kArraySuffix)) return std::nullopt;
    const std::string stem = file.substr(0, file.size() - kArraySuffix.size());
    const auto dash = stem.rfind('-');
    if (dash == std::string::npos || dash == 0) return std::nullopt;
    return ArrayName{stem.substr(0, dash), stem.substr(dash + 1)};
}

std::string SnapshotName::file() const {
    return fmt::format("{}{}-{}{}", kSnapshotPrefix, trajectory, epoch, kSnapshotSuffix);
}

std::optional<SnapshotName> SnapshotName::parse(const std::string& file) {
    if (!file.starts_with(kSnapshotPrefix) || !file.ends_with(kSnapshotSuffix)) return std::nullopt;
    const std::string stem =
        file.substr(kSnapshotPrefix.size(), file.size() - kSnapshotPrefix.size() - kSnapshotSuffix.size());
    const auto dash = stem.rfind('-');
    if (dash == std::string::npos || dash == 0) return std::nullopt;
    SnapshotName name{stem.substr(0, dash), 0};
    const char* end = stem.data() + stem.size();
    const auto [last, error] = std::from_chars(stem.data() + dash + 1, end, name.epoch);
    if (error != std::errc() || last != end || name.epoch < 1) return std::nullopt;
    return name;
}

fs::path bad_images_file(const fs::path& array) {
    return array.string() + std::string(kBadSuffix);
}

RunningSweep::~RunningSweep() {
    if (file_.empty()) return;
    std::error_code ignored;
    fs::remove(file_, ignored);
}

RunningSweep CacheFolder::begin_sweep() const {
    static std::atomic<unsigned> counter{0};
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    const FileLock deciding = lock();
    const fs::path file = folder_ / fmt::format("{}{}-{}-{}", kRunningPrefix, host.data(), ::getpid(), counter++);
    std::error_code ignored;
    fs::remove(file, ignored);  // of a dead process with this number: its time must not be ours
    RunningSweep sweep(file, FileLock::wait(file));
    const std::vector<FoundFile> files = files_in(folder_);
    remove_leftovers(files, oldest_start(files));
    return sweep;
}

bool CacheFolder::use(const fs::path& file) const {
    const FileLock deciding = lock();
    return ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0) == 0;
}

void CacheFolder::give_back(const fs::path& file) const {
    const FileLock deciding = lock();
    const auto oldest = oldest_start(files_in(folder_));
    if (oldest == fs::file_time_type::max()) return;
    std::error_code gone;
    fs::last_write_time(file, oldest - std::chrono::milliseconds(1), gone);
}

std::int64_t CacheFolder::remove_until(const std::function<bool(std::int64_t freed)>& enough) const {
    const std::vector<FoundFile> files = files_in(folder_);
    const auto oldest = oldest_start(files);
    std::int64_t freed = 0;
    for (const CacheEntry& entry : entries_of(files, oldest)) {
        if (enough(freed)) break;
        if (entry.in_use) continue;
        std::error_code failed;
        fs::remove(entry.file, failed);
        if (failed) continue;
        fs::remove(bad_images_file(entry.file), failed);
        freed += entry.bytes;
    }
    if (freed > 0) remove_leftovers(files, oldest);
    return freed;
}

FileLock CacheFolder::make_room(std::int64_t bytes) const {
    FileLock deciding = lock();
    const std::int64_t held = this->held();
    const std::int64_t freed = remove_until([&](std::int64_t so_far) { return held + bytes - so_far <= budget_; });
    if (held + bytes - freed > budget_)
        spdlog::warn("the cache {} grows to {}, past its budget of {}: running sweeps use what is in it",
                     folder_.string(), byte_size_text(held + bytes - freed), byte_size_text(budget_));
    return deciding;
}

std::set<std::string> CacheFolder::arrays() const {
    std::set<std::string> names;
    for (const FoundFile& file : files_in(folder_))
        if (ArrayName::parse(file.name)) names.insert(file.name);
    return names;
}

std::map<std::string, std::set<int>> CacheFolder::snapshots() const {
    std::map<std::string, std::set<int>> epochs;
    for (const FoundFile& file : files_in(folder_))
        if (const auto name = SnapshotName::parse(file.name)) epochs[name->trajectory].insert(name->epoch);
    return epochs;
}

std::vector<CacheEntry> CacheFolder::entries() const {
    if (!fs::exists(folder_)) return {};
    const FileLock deciding = lock();
    const std::vector<FoundFile> files = files_in(folder_);
    return entries_of(files, oldest_start(files));
}

std::int64_t CacheFolder::held() const {
    return total_bytes(files_in(folder_));
}

std::int64_t CacheFolder::clear() const {
    if (!fs::exists(folder_)) return 0;
    const FileLock deciding = lock();
    return remove_until([](std::int64_t) { return false; });
}

std::int64_t default_cache_budget(const fs::path& folder) {
    std::error_code error;
    fs::path there = fs::absolute(folder);
    while (!fs::exists(there, error) && there.has_parent_path() && there != there.parent_path())
        there = there.parent_path();
    const auto space = fs::space(there, error);
    const std::int64_t free =
        error ? 0 : static_cast<std::int64_t>(std::min<std::uintmax_t>(space.available, INT64_MAX / 2));
    return std::min(kLargestDefaultBudget, (free + CacheFolder(folder).held()) / 2);
}

}  // namespace thaw
