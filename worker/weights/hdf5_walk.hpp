// Walks an HDF5 file with the HDF5 library and tells what it finds: for a process that may die of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace thaw {

struct Hdf5Visitor {
    std::function<void(const std::string& path, const std::vector<std::int64_t>& shape, const std::vector<float>&)>
        dataset;
    std::function<void(const std::string& name, const std::vector<std::string>& texts)> attribute;
};

/// Throws UserError.
void walk_hdf5(std::span<const std::byte> image, std::uint64_t most_bytes, const Hdf5Visitor& visitor);

}  // namespace thaw
