// Content fingerprints (XXH3, 128 bits): what keys caches, names files and identifies trials.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace thaw {

/// Collects bytes; equal sequences of add() calls give equal digests on every machine.
/// Every add() is length-prefixed, so that ("ab","c") and ("a","bc") differ.
class Fingerprint {
  public:
    Fingerprint();
    ~Fingerprint();
    Fingerprint(const Fingerprint&) = delete;
    Fingerprint& operator=(const Fingerprint&) = delete;

    Fingerprint& add(std::string_view bytes);
    /// 32 lower-case hexadecimal digits.
    std::string hex() const;

  private:
    void* state_;
};

/// Two lower-case digits a byte.
std::string to_hex(const unsigned char* bytes, std::size_t count);

/// The fingerprint of one string.
std::string fingerprint(std::string_view bytes);

/// A fingerprint as two numbers, for keys of large tables in memory.
struct Digest {
    std::uint64_t high = 0, low = 0;
    bool operator==(const Digest&) const = default;
    struct Hash {
        std::size_t operator()(const Digest& digest) const { return digest.low; }
    };
};
Digest digest(std::string_view bytes);

/// The fingerprint of a file's content (not its name); throws std::system_error where it cannot be read.
std::string fingerprint_file(const std::filesystem::path& path);

/// The file's SHA-256, 64 lower-case hexadecimal digits, as sha256sum prints it; throws std::system_error.
std::string sha256_file(const std::filesystem::path& path);
/// Likewise its MD5, 32 digits: no proof against forgers, but what some publish.
std::string md5_file(const std::filesystem::path& path);

}  // namespace thaw
