#include "worker/train/snapshot.hpp"

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/atomic_file.hpp"
#include "common/error.hpp"
#include "common/fingerprint.hpp"

namespace thaw {
namespace {

// The file: magic, fingerprint of all that follows, length of the history as text, the history as JSON, the state.
constexpr std::string_view kMagic = "THAWSNP1";  // the digit is the version
constexpr std::size_t kFingerprintBytes = 32;

}  // namespace

std::int64_t write_snapshot(const std::filesystem::path& path, const Snapshot& snapshot, bool synced) {
    const std::string history = nlohmann::json(snapshot.history).dump();
    std::uint64_t length = history.size();
    std::string body(sizeof length, '\0');
    std::memcpy(body.data(), &length, sizeof length);
    body.append(history).append(snapshot.state);
    try {
        AtomicFile file(path);
        file.write(kMagic);
        file.write(fingerprint(body));
        file.write(body);
        file.commit(synced);
        return static_cast<std::int64_t>(kMagic.size() + kFingerprintBytes + body.size());
    } catch (const std::system_error& error) {
        throw StageError("{}", error.what());
    }
}

std::optional<Snapshot> read_snapshot(const std::filesystem::path& path) {
    try {
        const std::string text = read_file(path);
        const std::string_view whole = text;
        std::uint64_t length = 0;
        constexpr std::size_t kBody = kMagic.size() + kFingerprintBytes;
        if (whole.size() < kBody + sizeof length || !whole.starts_with(kMagic)) return std::nullopt;
        const std::string_view body = whole.substr(kBody);
        if (fingerprint(body) != whole.substr(kMagic.size(), kFingerprintBytes)) return std::nullopt;
        std::memcpy(&length, body.data(), sizeof length);
        Snapshot snapshot;
        snapshot.history = nlohmann::json::parse(body.substr(sizeof length, length)).get<std::vector<EpochMetrics>>();
        snapshot.state = body.substr(sizeof length + length);
        if (snapshot.history.empty()) return std::nullopt;
        return snapshot;
    } catch (const std::exception&) {  // not there, or not what was written
        return std::nullopt;
    }
}

}  // namespace thaw
