// `thaw export-model`: a trained trial as one file, base and head, for use outside thaw.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace thaw {

/// The checkpoint's network: its frozen layers out of the weights that it was trained with, its trained layers and head
/// out of itself, under the names of the backbone's reference, so that PyTorch loads them with load_state_dict (and the
/// head as head.0.weight, ...). Class names, preprocessing and the trial stand in the metadata. Throws UserError where
/// the weights are not there any more, or are others.
void export_model(const std::filesystem::path& checkpoint, const std::vector<std::filesystem::path>& weights_folders,
                  const std::filesystem::path& to);

/// The checkpoint of a run's trial; no trial means the best. Throws UserError.
std::filesystem::path checkpoint_of(const std::string& run, const std::string& runs, const std::string& trial);

void add_export_command(CLI::App& app);

}  // namespace thaw
