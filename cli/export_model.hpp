// `thaw export-model`: a trained trial as one file, base and head, for use outside thaw.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <vector>

#include "cli/photo_commands.hpp"

namespace thaw {

/// The checkpoint's network: its frozen layers out of the weights that it was trained with, its trained layers and head
/// out of itself, under the names of the backbone's reference, so that PyTorch loads them with load_state_dict (and the
/// head as head.0.weight, ...). Class names, preprocessing and the trial stand in the metadata. Throws UserError where
/// the weights are not there any more, or are others.
void export_model(const std::filesystem::path& checkpoint, const std::vector<std::filesystem::path>& weights_folders,
                  const std::filesystem::path& to);

void add_export_command(CLI::App& app, FindCheckpoint find_checkpoint);

}  // namespace thaw
