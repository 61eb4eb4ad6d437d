// Weight files as plain named arrays, whatever their format. Nothing in a file is ever executed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace thaw {

/// One array, converted to float32 (from fp16, bf16, fp32, fp64 or integers), contiguous, row-major.
struct HostTensor {
    std::vector<std::int64_t> shape;
    std::vector<float> values;
    const char* stored_as = "F32";  // the type it has in the file, by safetensors' name
};

using TensorMap = std::map<std::string, HostTensor>;

/// Reads .pth/.pt (zip and the old pickle format), .safetensors, and Keras' files (weights_file.hpp says under which
/// names, in Keras' layout); the content decides, not the name. A nested
/// {"state_dict": ...} or {"model": ...} is looked through. Throws UserError that names the file, what is wrong at
/// which place, and how to mend it: truncated, not a weight file, sizes that exceed the file, a pickle that asks for
/// anything but tensors (by the global's name: "os.system").
TensorMap read_tensors(const std::filesystem::path& path);

}  // namespace thaw
