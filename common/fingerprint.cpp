#include "common/fingerprint.hpp"

#include <openssl/evp.h>
#include <xxhash.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <system_error>
#include <vector>

namespace thaw {
namespace {

/// Calls `use` with each block of the file in turn.
void for_each_block(const std::filesystem::path& path, const std::function<void(const char*, std::size_t)>& use) {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    if (!file) throw std::system_error(errno, std::generic_category(), path.string());
    std::vector<char> block(1 << 18);
    while (std::size_t count = std::fread(block.data(), 1, block.size(), file.get())) use(block.data(), count);
    if (std::ferror(file.get())) throw std::system_error(errno ? errno : EIO, std::generic_category(), path.string());
}

std::string to_hex(const unsigned char* bytes, std::size_t count) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text(2 * count, '0');
    for (std::size_t i = 0; i < count; ++i) {
        text[2 * i] = kDigits[bytes[i] >> 4];
        text[2 * i + 1] = kDigits[bytes[i] & 15];
    }
    return text;
}

XXH3_state_t* as_state(void* state) {
    return static_cast<XXH3_state_t*>(state);
}

}  // namespace

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

std::string fingerprint_file(const std::filesystem::path& path) {
    XXH3_state_t* state = XXH3_createState();
    std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> owner(state, &XXH3_freeState);
    XXH3_128bits_reset(state);
    for_each_block(path, [&](const char* data, std::size_t count) { XXH3_128bits_update(state, data, count); });
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    return to_hex(canonical.digest, sizeof canonical.digest);
}

std::string sha256_file(const std::filesystem::path& path) {
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
    for_each_block(path, [&](const char* data, std::size_t count) { EVP_DigestUpdate(context.get(), data, count); });
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestFinal_ex(context.get(), digest, &size);
    return to_hex(digest, size);
}

}  // namespace thaw
