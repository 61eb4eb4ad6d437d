// A weight file of any format: its tensors and, where Keras wrote it, the layers they belong to.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// A layer as a file in Keras' layout has it, with its weights in Keras' order.
struct KerasLayer {
    std::string container;  // of the model inside a model that it belongs to; empty: the outermost
    std::string name;       // "block1_conv1"; empty where the file does not say
    std::string kind;       // Keras' class and which of its kind it is, "conv2d_3"; empty where the order counts
    std::vector<std::string> weights;  // names of tensors
};

struct WeightsFile {
    std::string format;             // for people
    TensorMap tensors;              // PyTorch's layout and names, or Keras' with names "LAYER/WEIGHT"
    std::vector<KerasLayer> keras;  // empty: not Keras'
};

/// Reads .pth/.pt (zip and the old pickle format), .safetensors, Keras' .h5, .weights.h5 and .keras; the content
/// decides, not the name. Throws UserError as read_tensors() does.
WeightsFile read_weights_file(const std::filesystem::path& path);

}  // namespace thaw
