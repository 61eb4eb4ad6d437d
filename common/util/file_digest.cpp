// Fingerprints of files. Apart from fingerprint.cpp, since only this needs OpenSSL.
#include <openssl/evp.h>
#include <xxhash.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <system_error>
#include <vector>

#include "common/util/fingerprint.hpp"

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

std::string digest_file(const std::filesystem::path& path, const EVP_MD* kind) {
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_DigestInit_ex(context.get(), kind, nullptr);
    for_each_block(path, [&](const char* data, std::size_t count) { EVP_DigestUpdate(context.get(), data, count); });
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestFinal_ex(context.get(), digest, &size);
    return to_hex(digest, size);
}

}  // namespace

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
    return digest_file(path, EVP_sha256());
}

std::string md5_file(const std::filesystem::path& path) {
    return digest_file(path, EVP_md5());
}

}  // namespace thaw
