// `thaw predict` and `thaw features`: their options, and how they print what they find.
#pragma once

#include <CLI/App.hpp>

namespace thaw {

/// `exit_code` is set where the command has run: 0, or 1 where a photo could not be read.
void add_predict_command(CLI::App& app, int& exit_code);
void add_features_command(CLI::App& app);

}  // namespace thaw
