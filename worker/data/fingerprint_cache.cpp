#include "worker/data/fingerprint_cache.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/util/atomic_file.hpp"
#include "common/util/fingerprint.hpp"

namespace thaw {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t now_ns() {
    return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

FingerprintCache::FingerprintCache(std::filesystem::path file) : file_(std::move(file)) {
    if (file_.empty() || !std::filesystem::exists(file_)) return;
    try {
        const nlohmann::json json = nlohmann::json::parse(read_file(file_));
        for (const auto& [path, entry] : json.at("files").items())
            entries_[path] = {entry.at(0).get<std::uint64_t>(), entry.at(1).get<std::int64_t>(),
                              entry.at(2).get<std::string>()};
    } catch (const std::exception& error) {
        spdlog::debug("{}: ignored: {}", file_.string(), error.what());
        entries_.clear();
    }
}

std::string FingerprintCache::of(const std::filesystem::path& path) {
    const std::string key = std::filesystem::absolute(path).lexically_normal().string();
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) throw std::system_error(errno, std::generic_category(), path.string());
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const std::int64_t modified_ns = status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec;
    {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        if (found != entries_.end() && found->second.size == size && found->second.modified_ns == modified_ns)
            return found->second.fingerprint;
    }
    std::string fingerprint = fingerprint_file(path);
    // A file written a moment ago may be written again within the clock's tick and keep its time: not to be relied on.
    if (!file_.empty() && now_ns() - modified_ns > kSecond) {
        const std::lock_guard lock(mutex_);
        entries_[key] = {size, modified_ns, fingerprint};
        changed_ = true;
    }
    return fingerprint;
}

void FingerprintCache::save() const {
    if (!changed_) return;
    nlohmann::json files = nlohmann::json::object();
    for (const auto& [path, entry] : entries_) files[path] = {entry.size, entry.modified_ns, entry.fingerprint};
    try {
        write_file(file_, nlohmann::json{{"files", files}}.dump(0));
    } catch (const std::exception& error) {
        spdlog::warn("fingerprints are not remembered: {}", error.what());
    }
}

}  // namespace thaw
