// A trained trial as a TorchScript file: preprocessing, network and head in one, for PyTorch without thaw.
#pragma once

#include <filesystem>

#include "worker/network/checkpoint.hpp"

namespace thaw {

/// The file that torch.jit.load reads (https://pytorch.org/docs/stable/jit.html): called with RGB images
/// [n, 3, image_size, image_size], 0 to 255, it gives logits [n, classes], for any n. Its extra file "thaw.json" has
/// what the checkpoint says of itself. Throws UserError where the file cannot be written.
void write_torchscript(const Checkpoint& checkpoint, const std::filesystem::path& to);

}  // namespace thaw
