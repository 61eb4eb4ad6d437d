// The safetensors format: an 8-byte header size, a JSON header of names, types, shapes and places, then raw data.
// (https://github.com/huggingface/safetensors#format)
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "worker/weights/file_reader.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// True where the file begins as safetensors do.
bool looks_like_safetensors(const FileReader& file);
TensorMap read_safetensors(const FileReader& file);

/// The free text about them; empty where there is none.
std::map<std::string, std::string> read_safetensors_metadata(const FileReader& file);

/// Writes float32 tensors and free text about them, atomically. Throws std::system_error (disk full, read-only).
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace thaw
