// A trained network written down as TorchScript.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "common/backbones/layer_graph.hpp"
#include "common/trial/trial.hpp"
#include "worker/weights/registry.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// The base, pooled, and the head's dense layers head.0, head.1, ... with its activations between them, of these
/// tensors; gives the logits of all classes (of a binary loss: 0 and the output); see write_torchscript. `about`
/// becomes extra files of the archive. Throws std::exception where it cannot be written.
void save_traced(const LayerGraph& graph, const TensorMap& tensors, const Preprocessing& preprocessing,
                 const Trial& trial, const std::map<std::string, std::string>& about, const std::filesystem::path& to);

}  // namespace thaw
