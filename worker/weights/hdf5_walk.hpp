// Walks an HDF5 file with the HDF5 library and tells what it finds: for a process that may die of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace thaw {

struct Hdf5Dataset {
    std::string path;
    std::vector<std::int64_t> shape;
    std::uint8_t type = 0;  // index of kHdf5Types
    std::vector<float> values;
};

/// The types of elements, by safetensors' names.
constexpr const char* kHdf5Types[] = {"F16", "BF16", "F32", "F64", "I8",  "I16",
                                      "I32", "I64",  "U8",  "U16", "U32", "U64"};

struct Hdf5Visitor {
    std::function<void(const Hdf5Dataset&)> dataset;
    std::function<void(const std::string& name, const std::vector<std::string>& texts)> attribute;
};

/// Throws UserError.
void walk_hdf5(std::span<const std::byte> image, std::uint64_t most_bytes, const Hdf5Visitor& visitor);

}  // namespace thaw
