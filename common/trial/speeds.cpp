#include "common/trial/speeds.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/util/atomic_file.hpp"
#include "common/util/fingerprint.hpp"

namespace thaw {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Measured, seconds, evaluation, setup)

std::string Probe::key() const {
    switch (kind) {
        case Kind::decode:
            return fmt::format("decode {} at {}", content, image_size);
        case Kind::forward:
            return fmt::format("forward {} {} at {} to {}{}", backbone, padding, image_size, cut,
                               precision_mark(precision));
        case Kind::tail:
            return fmt::format("tail {} {} at {} from {} frozen {}{} {} batch {} {}", backbone, padding, image_size,
                               cut, frozen_layers, base_layers ? fmt::format(" of {}", base_layers) : "",
                               to_string(head.pooling), batch_size, to_string(optimizer));
        case Kind::head:
            return fmt::format("head {} {} {} batch {} {}", inputs, head_name(head), classes, batch_size,
                               to_string(optimizer));
        case Kind::disk:
            return "disk";
    }
    return {};
}

std::optional<Measured> Speeds::find(const Probe& probe) const {
    if (results_.empty()) return std::nullopt;
    const auto found = results_.find(probe.key());
    return found == results_.end() ? std::nullopt : std::optional(found->second);
}

Speeds Speeds::read(const std::filesystem::path& file) {
    Speeds speeds;
    try {
        speeds.results_ = nlohmann::json::parse(read_file(file)).get<std::map<std::string, Measured>>();
    } catch (const std::exception&) {  // measured anew
    }
    return speeds;
}

void Speeds::write(const std::filesystem::path& file) const {
    write_file(file, nlohmann::json(results_).dump(1));
}

std::filesystem::path speeds_file(int threads, const std::string& device) {
    if (const char* chosen = std::getenv("THAW_SPEEDS")) return chosen;
    std::string processor;
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; processor.empty() && std::getline(info, line);)
        if (line.starts_with("model name")) processor = line;
    const std::string key =
        fingerprint(fmt::format("{} {} {}{}", processor, std::thread::hardware_concurrency(), threads, device));
    const char* home = std::getenv("HOME");
    return std::filesystem::path(home ? home : "/tmp") / ".cache" / "thaw" /
           fmt::format("speeds-{}.json", key.substr(0, 16));
}

}  // namespace thaw
