// `thaw weights inspect`: what a weight file has in it, and which network it fits.
#pragma once

#include <filesystem>
#include <string>

namespace thaw {

/// Every tensor's name, shape and type, totals, and the network that fits best; of `backbone`, where one is named, all
/// that is missing, misshapen and extra.
std::string inspect_weights(const std::filesystem::path& path, const std::string& backbone);

/// Writes the file's tensors as safetensors: under the names of `backbone`'s layers, or of the network that it fits,
/// else as they are. Tells what it wrote.
std::string convert_weights(const std::filesystem::path& from, const std::filesystem::path& to,
                            const std::string& backbone);

}  // namespace thaw
