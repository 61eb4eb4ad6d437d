// Weight files that Keras wrote: HDF5 in the layouts of Keras 1 and 2 (also of whole models) and of Keras 3, and .keras
// archives with such a file inside.
#pragma once

#include <filesystem>

#include "worker/weights/file_reader.hpp"
#include "worker/weights/weights_file.hpp"

namespace thaw {

WeightsFile read_keras_hdf5(const FileReader& file);
/// A zip archive with a model.weights.h5.
WeightsFile read_keras_zip(const std::filesystem::path& path, const FileReader& file);

}  // namespace thaw
