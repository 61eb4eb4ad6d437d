// From a PyTorch pickle's value to named tensors: finds all that are in it and gathers each tensor from its storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "worker/weights/file_reader.hpp"
#include "worker/weights/pickle_reader.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// The bytes of one storage, at least elements * type->bytes of them; throws UserError where the file has fewer.
using ReadStorage = std::function<std::vector<std::byte>(const PickleStorage& storage)>;

/// `content_bytes` is what the file's content amounts to; tensors that add up to more than twice as many elements
/// (each byte an element, and shared once) are refused before any memory is taken for them.
TensorMap gather_tensors(const PickleValue& value, std::uint64_t content_bytes, const ReadStorage& read_storage);

/// The two containers PyTorch writes its pickles in.
TensorMap read_torch_zip(const std::filesystem::path& path, const FileReader& file);
TensorMap read_torch_stream(const FileReader& file);  // PyTorch before 1.6

/// Pickles hold names and shapes, not data: no honest one comes near this size.
constexpr std::uint64_t kMostPickleBytes = 64 << 20;

}  // namespace thaw
