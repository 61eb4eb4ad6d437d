#include "common/util/memory_use.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace thaw {
namespace {

namespace fs = std::filesystem;

/// The number after a word in a file of words and numbers; -1: it is not there.
std::int64_t number_after(const fs::path& path, const std::string& wanted) {
    std::ifstream file(path);
    std::int64_t number = -1;
    for (std::string word; file >> word;)
        if (word == wanted) return file >> number ? number : -1;
    return -1;
}

/// A file that holds one number; -1: it does not ("max").
std::int64_t number_in(const fs::path& path) {
    std::ifstream file(path);
    std::int64_t number = -1;
    return file >> number ? number : -1;
}

std::int64_t room(const MemoryUse& use) {
    return use.limit > 0 ? use.limit - use.used : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

bool MemoryUse::near_limit() const {
    constexpr std::int64_t kLittle = std::int64_t{512} << 20;
    return limit > 0 && room(*this) < std::max(limit / 50, std::min(limit / 10, kLittle));
}

MemoryUse machine_memory(const fs::path& root) {
    const fs::path meminfo = root / "proc/meminfo";
    const std::int64_t total = number_after(meminfo, "MemTotal:"), available = number_after(meminfo, "MemAvailable:");
    return total > 0 && available >= 0 ? MemoryUse{(total - available) * 1024, total * 1024} : MemoryUse{};
}

MemoryUse memory_use(const fs::path& root) {
    MemoryUse tightest = machine_memory(root);
    // "0::/path": the group in the one hierarchy of version 2. Each group above it may have a limit as well.
    std::ifstream groups(root / "proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        if (!line.starts_with("0::/")) continue;
        for (fs::path group = line.substr(3); !group.relative_path().empty(); group = group.parent_path()) {
            const fs::path folder = root / "sys/fs/cgroup" / group.relative_path();
            const std::int64_t limit = number_in(folder / "memory.max"), current = number_in(folder / "memory.current");
            if (limit <= 0 || current < 0) continue;
            const std::int64_t files = std::max<std::int64_t>(number_after(folder / "memory.stat", "inactive_file"), 0);
            const MemoryUse use{current - files, limit};
            if (room(use) < room(tightest)) tightest = use;
        }
    }
    return tightest;
}

}  // namespace thaw
