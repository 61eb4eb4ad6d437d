// A trained trial read back: its checkpoint, and of the weights that it started from what training left alone.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/trial/data_options.hpp"
#include "common/trial/trial.hpp"
#include "worker/weights/registry.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

struct Checkpoint {
    std::map<std::string, std::string> about;  // all that the file says of itself
    Trial trial;
    std::vector<std::string> classes;
    DecodeOptions decode;  // with the trial's image size
    Preprocessing preprocessing;
    LayerGraph graph;
    TensorMap base;     // all of the backbone's tensors but its top's, as they were before the training
    TensorMap trained;  // those that training changed, and the head's
};

/// Throws UserError, which names the file: it is damaged or not a checkpoint, the weights that it was trained from are
/// not there any more, or are others.
Checkpoint read_checkpoint(const std::filesystem::path& path,
                           const std::vector<std::filesystem::path>& weights_folders);

/// The checkpoint of a run's trial, by any unique prefix of its id. Throws UserError: none has it, or several.
std::filesystem::path find_checkpoint(const std::filesystem::path& run_folder, const std::string& trial);

}  // namespace thaw
