#include "common/util/fingerprint.hpp"

#include <xxhash.h>

#include <cstdint>

namespace thaw {
namespace {

XXH3_state_t* as_state(void* state) {
    return static_cast<XXH3_state_t*>(state);
}

}  // namespace

std::string to_hex(const unsigned char* bytes, std::size_t count) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text(2 * count, '0');
    for (std::size_t i = 0; i < count; ++i) {
        text[2 * i] = kDigits[bytes[i] >> 4];
        text[2 * i + 1] = kDigits[bytes[i] & 15];
    }
    return text;
}

Fingerprint::Fingerprint() : state_(XXH3_createState()) {
    XXH3_128bits_reset(as_state(state_));
}

Fingerprint::~Fingerprint() {
    XXH3_freeState(as_state(state_));
}

Fingerprint& Fingerprint::add(std::string_view bytes) {
    const std::uint64_t size = bytes.size();
    unsigned char prefix[8];
    for (int i = 0; i < 8; ++i) prefix[i] = static_cast<unsigned char>(size >> (8 * i));
    XXH3_128bits_update(as_state(state_), prefix, sizeof prefix);
    XXH3_128bits_update(as_state(state_), bytes.data(), bytes.size());
    return *this;
}

std::string Fingerprint::hex() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(as_state(state_)));
    return to_hex(canonical.digest, sizeof canonical.digest);
}

Digest digest(std::string_view bytes) {
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64};
}

std::string fingerprint(std::string_view bytes) {
    return Fingerprint().add(bytes).hex();
}

}  // namespace thaw
