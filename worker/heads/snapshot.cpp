#include "worker/heads/snapshot.hpp"

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"

namespace thaw {
namespace {

// The file: magic, fingerprint of all that follows, length of a JSON text, this text (the history; how long the last
// epoch's state is; what the best one predicted), the last epoch's state, the best one's.
constexpr std::string_view kMagic = "THAWSNP2";  // the digit is the version
constexpr std::size_t kFingerprintBytes = 32;

}  // namespace

std::int64_t write_snapshot(const std::filesystem::path& path, const Snapshot& snapshot, bool synced) {
    const nlohmann::json header = {{"history", snapshot.history},
                                   {"state_bytes", snapshot.state.size()},
                                   {"best_predicted", snapshot.best.predicted}};
    const std::string text = header.dump();
    std::uint64_t length = text.size();
    std::string body(sizeof length, '\0');
    std::memcpy(body.data(), &length, sizeof length);
    body.append(text).append(snapshot.state).append(snapshot.best.state);
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
        const auto header = nlohmann::json::parse(body.substr(sizeof length, length));
        header.at("history").get_to(snapshot.history);
        header.at("best_predicted").get_to(snapshot.best.predicted);
        const std::string_view states = body.substr(sizeof length + length);
        const auto last = header.at("state_bytes").get<std::size_t>();
        snapshot.state = states.substr(0, last);
        snapshot.best.state = states.substr(last);
        if (snapshot.history.empty()) return std::nullopt;
        return snapshot;
    } catch (const std::exception&) {  // not there, or not what was written
        return std::nullopt;
    }
}

}  // namespace thaw
