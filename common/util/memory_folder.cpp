#include "common/util/memory_folder.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "common/util/memory_use.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = "/dev/shm";

/// The process that made the folder, or 0 where it is not one of this user's.
int maker_of(const std::string& name, const std::string& prefix) {
    int process = 0;
    if (name.starts_with(prefix)) std::from_chars(name.data() + prefix.size(), name.data() + name.size(), process);
    return process;
}

}  // namespace

MemoryFolder::MemoryFolder() {
    const std::string prefix = fmt::format("thaw-{}-", ::getuid());
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(kRoot, ignored)) {
        const int process = maker_of(entry.path().filename().string(), prefix);
        if (process > 0 && ::kill(process, 0) != 0 && errno == ESRCH) fs::remove_all(entry.path(), ignored);
    }
    path_ = kRoot / fmt::format("{}{}", prefix, ::getpid());
    fs::create_directory(path_, ignored);
}

MemoryFolder::~MemoryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::int64_t default_memory_budget() {
    std::error_code error;
    const auto room = fs::space(kRoot, error).available;
    if (error) return 0;
    const MemoryUse machine = machine_memory();
    return std::min((machine.limit - machine.used) / 2, static_cast<std::int64_t>(room));
}

}  // namespace thaw
