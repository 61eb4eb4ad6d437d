// Fashion-MNIST's idx files as a class-per-folder tree of PNGs: a data set that comes with Debian.
#pragma once

#include <filesystem>

namespace thaw {

/// Where Debian's package dataset-fashion-mnist puts the idx files.
inline constexpr const char* kFashionMnistFolder = "/usr/share/datasets/fashion-mnist";

/// Writes OUT/train/CLASS/00001.png... and OUT/val/CLASS/... (28 x 28, grey), the first so many of each class of the
/// train and the t10k files. `idx_folder` holds them, gzipped or not. OUT appears whole or not at all; where it is
/// there with as many images, nothing is done. Throws UserError: idx files absent or damaged, more images asked for
/// than there are, OUT there with something else in it.
void write_fashion_mnist_tree(const std::filesystem::path& idx_folder, const std::filesystem::path& out,
                              int per_class_train, int per_class_validation);

}  // namespace thaw
