#include "worker/weights/tensor_file.hpp"

#include <algorithm>
#include <string_view>

#include "common/util/error.hpp"
#include "worker/weights/file_reader.hpp"
#include "worker/weights/keras_file.hpp"
#include "worker/weights/pickled_tensors.hpp"
#include "worker/weights/safetensors.hpp"
#include "worker/weights/weights_file.hpp"
#include "worker/weights/zip_archive.hpp"

namespace thaw {
namespace {

/// Files that people take for weights, by their first bytes.
constexpr std::pair<std::string_view, const char*> kStrangers[] = {
    {"version https://git-lfs", "it is Git LFS's pointer to the file, not the file; run: git lfs pull"},
    {"<", "it is a web page or XML; the download went wrong, fetch it again"},
    {"\x1f\x8b", "it is compressed by gzip; unpack it first (gunzip)"},
};

WeightsFile read_by_content(const std::filesystem::path& path) {
    const FileReader file(path);
    const std::string begin = file.read_text(0, std::min<std::uint64_t>(file.size(), 32));
    if (begin.empty()) throw UserError("it is empty");
    if (begin.starts_with("\x89HDF\r\n\x1a\n")) return read_keras_hdf5(file);
    if (looks_like_safetensors(file)) return {"safetensors", read_safetensors(file), {}};
    if (begin.starts_with("PK\x03\x04")) {
        if (!ZipArchive(path, file.size()).folder_of("data.pkl").empty())
            return {"PyTorch (zip)", read_torch_zip(path, file), {}};
        return read_keras_zip(path, file);
    }
    if (begin.starts_with("\x80")) return {"PyTorch (before 1.6)", read_torch_stream(file), {}};
    for (const auto& [magic, what] : kStrangers)
        if (begin.starts_with(magic)) throw UserError(what);
    throw UserError(
        "it is no weight file thaw knows: neither PyTorch's .pth/.pt, .safetensors nor Keras' .h5 and .keras");
}

}  // namespace

TensorMap read_tensors(const std::filesystem::path& path) {
    return read_weights_file(path).tensors;
}

WeightsFile read_weights_file(const std::filesystem::path& path) {
    try {
        return read_by_content(path);
    } catch (const UserError& error) {
        throw UserError("weights file {}: {}", path.string(), error.what());
    }
}

}  // namespace thaw
