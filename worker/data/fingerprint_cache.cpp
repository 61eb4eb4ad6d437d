#include "worker/data/fingerprint_cache.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
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
            if (entry.size() == 5)  // else an older thaw's
                entries_[path] = {{entry.at(0).get<std::uint64_t>(), entry.at(1).get<std::uint64_t>(),
                                   entry.at(2).get<std::int64_t>(), entry.at(3).get<std::int64_t>()},
                                  entry.at(4).get<std::string>()};
    } catch (const std::exception& error) {
        spdlog::debug("{}: ignored: {}", file_.string(), error.what());
        entries_.clear();
    }
}

std::string FingerprintCache::of(const std::filesystem::path& path) {
    const std::string key = std::filesystem::absolute(path).lexically_normal().string();
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) throw std::system_error(errno, std::generic_category(), path.string());
    const auto in_ns = [](const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; };
    const State state{static_cast<std::uint64_t>(status.st_size), status.st_ino, in_ns(status.st_mtim),
                      in_ns(status.st_ctim)};
    {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        if (found != entries_.end() && found->second.state == state) return found->second.fingerprint;
    }
    std::string fingerprint = fingerprint_file(path);
    // A file written a moment ago may be written again within the clock's tick and keep its time: not to be relied on.
    if (!file_.empty() && now_ns() - std::max(state.modified_ns, state.changed_ns) > kSecond) {
        const std::lock_guard lock(mutex_);
        entries_[key] = {state, fingerprint};
        changed_ = true;
    }
    return fingerprint;
}

void FingerprintCache::save() const {
    if (!changed_) return;
    nlohmann::json files = nlohmann::json::object();
    for (const auto& [path, entry] : entries_)
        files[path] = {entry.state.size, entry.state.inode, entry.state.modified_ns, entry.state.changed_ns,
                       entry.fingerprint};
    try {
        write_file(file_, nlohmann::json{{"files", files}}.dump(0));
    } catch (const std::exception& error) {
        spdlog::warn("fingerprints are not remembered: {}", error.what());
    }
}

}  // namespace thaw
