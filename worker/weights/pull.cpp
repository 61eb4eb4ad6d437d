#include "worker/weights/pull.hpp"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>

#include "common/util/error.hpp"
#include "common/util/nearest.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

fs::path writable_folder(const std::vector<fs::path>& folders) {
    std::vector<std::string> names;
    for (const fs::path& folder : folders) {
        std::error_code error;
        fs::create_directories(folder, error);
        if (!error && ::access(folder.c_str(), W_OK) == 0) return folder;
        names.push_back(folder.string());
    }
    throw UserError("no folder for weights can be written ({}); name one with --weights-dir", fmt::join(names, ", "));
}

}  // namespace

const WeightsEntry& find_entry_to_pull(const std::string& name) {
    const WeightsEntry* without_address = nullptr;
    std::vector<std::string> names;
    for (const WeightsEntry& entry : weights_registry()) {
        names.insert(names.end(), {entry.name, entry.backbone});
        if (entry.name != name && entry.file != name && entry.backbone != name) continue;
        if (!entry.address().empty()) return entry;
        if (!without_address) without_address = &entry;
    }
    if (without_address)
        throw UserError("{} cannot be pulled, it has no address of its own: {}", without_address->file,
                        without_address->source);
    throw UserError("no published weights '{}'{}; `thaw weights` lists them", name, did_you_mean(name, names));
}

fs::path pull_weights(const WeightsEntry& entry, const std::vector<fs::path>& folders, const std::string& mirror,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    std::string address = entry.address();
    if (!mirror.empty()) address = fmt::format("{}{}{}", mirror, mirror.ends_with('/') ? "" : "/", entry.file);
    Download wanted{address, writable_folder(folders) / entry.file,
                    [&](const fs::path& path) { check_content(entry, path); }, progress};
    download(wanted);
    return wanted.path;
}

}  // namespace thaw
