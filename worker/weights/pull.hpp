// `thaw weights pull`: published weights from their official addresses into a folder where thaw looks for them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "worker/weights/download.hpp"
#include "worker/weights/registry.hpp"

namespace thaw {

/// The entry by its name, its file's name, or its backbone's name (the first of that which has an address). Throws
/// UserError with the nearest name, or with how else to get a file that has no address.
const WeightsEntry& find_entry_to_pull(const std::string& name);

/// Where the file is now. It goes into the first of the folders that can be written. `mirror`, where it is not empty,
/// takes the place of the official address up to the file's name.
std::filesystem::path pull_weights(const WeightsEntry& entry, const std::vector<std::filesystem::path>& folders,
                                   const std::string& mirror,
                                   const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace thaw
