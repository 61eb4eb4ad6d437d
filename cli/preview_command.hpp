// `thaw data preview`: what a sweep's augmentation makes of some of its images.
#pragma once

#include <CLI/App.hpp>

namespace thaw {

/// Adds `preview` to the command `data`.
void add_preview_command(CLI::App& data);

}  // namespace thaw
