// What an HDF5 file holds of numbers and of names, read by the HDF5 library in a process of its own: the library is not
// made for files that mean harm.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "worker/weights/tensor_file.hpp"

namespace thaw {

struct Hdf5Content {
    TensorMap datasets;  // by path: "conv1/kernel"
    /// Attributes that are texts or lists of them, by the object's path and the name: "conv1@weight_names".
    std::map<std::string, std::vector<std::string>> texts;
};

/// `image` is the whole file. Throws UserError: damaged, hostile, or with something Keras does not write (links to
/// other files, virtual or external data, filters beyond gzip's).
Hdf5Content read_hdf5(std::span<const std::byte> image);

/// What `image` may at most unpack to as float32.
constexpr std::uint64_t most_hdf5_bytes(std::uint64_t file_bytes) {
    constexpr std::uint64_t kMostExpansion = 32, kSlack = 1 << 20;  // gzip of pruned weights makes about 10
    return kMostExpansion * file_bytes + kSlack;
}

}  // namespace thaw
