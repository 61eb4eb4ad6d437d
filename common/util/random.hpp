// Counter-based random numbers: a value is a function of (seed, purpose, ...) and an index, never of order of arrival.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace thaw {

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014) as a function of its
/// counter.
class CounterRandom {
  public:
    /// `purpose` keeps streams of one seed apart ("shuffle", "dropout", a tensor's name); `indices` such as the epoch.
    CounterRandom(std::uint64_t seed, std::string_view purpose, std::initializer_list<std::uint64_t> indices = {}) {
        key_ = mix(seed);
        std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a of the purpose
        for (const char c : purpose) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        key_ = mix(key_ ^ hash);
        for (const std::uint64_t index : indices) key_ = mix(key_ ^ (index + 0x632be59bd9b4e019));
    }

    std::uint64_t bits(std::uint64_t index) const { return mix(key_ + index * 0x9e3779b97f4a7c15); }
    /// In [0, 1), a multiple of 2^-53.
    double uniform(std::uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1p-53; }

  private:
    static constexpr std::uint64_t mix(std::uint64_t z) {
        z += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::uint64_t key_;
};

/// The numbers 0..count-1 in the random order of `random`.
std::vector<int> permutation(const CounterRandom& random, int count);

}  // namespace thaw
