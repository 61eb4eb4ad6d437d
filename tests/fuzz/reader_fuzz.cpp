// One reader of weight files under libFuzzer, THAW_READER: whatever the bytes, they are read or refused by a UserError;
// anything else that comes out of it, a crash, a hang or an allocation beyond -malloc_limit_mb is a finding.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "worker/weights/file_reader.hpp"
#include "worker/weights/fit_weights.hpp"
#include "worker/weights/keras_file.hpp"
#include "worker/weights/pickled_tensors.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

void torch_zip(const std::filesystem::path& path) {
    read_torch_zip(path, FileReader(path));
}
void torch_stream(const std::filesystem::path& path) {
    read_torch_stream(FileReader(path));
}
void safetensors(const std::filesystem::path& path) {
    const FileReader file(path);
    read_safetensors_metadata(file);
    read_safetensors(file);
}

/// The HDF5 library reads in a process of its own, whose end is told as a UserError too; what it found is then fitted,
/// as hostile as it may be.
void fit(const WeightsFile& file) {
    static const LayerGraph graph = build_backbone("mobilenet_v1", 224, PaddingStyle::tensorflow);
    find_fit(graph, file);
}
void hdf5(const std::filesystem::path& path) {
    fit(read_keras_hdf5(FileReader(path)));
}
void keras_zip(const std::filesystem::path& path) {
    fit(read_keras_zip(path, FileReader(path)));
}

void put(int file, const std::uint8_t* bytes, std::size_t count) {
    for (std::size_t done = 0; done < count;) {
        const ssize_t written = ::pwrite(file, bytes + done, count - done, static_cast<off_t>(done));
        THAW_CHECK(written > 0, "a file in memory cannot be written");
        done += static_cast<std::size_t>(written);
    }
    THAW_CHECK(::ftruncate(file, static_cast<off_t>(count)) == 0, "a file in memory cannot be cut");
}

}  // namespace
}  // namespace thaw

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) {
    static const int file = ::memfd_create("input", MFD_CLOEXEC);
    static const std::filesystem::path path = "/proc/self/fd/" + std::to_string(file);
    thaw::put(file, bytes, count);
    try {
        thaw::THAW_READER(path);
    } catch (const thaw::UserError&) {
    }
    return 0;
}
