// `thaw init`: a sweep file for a folder of photos.
#pragma once

#include <CLI/App.hpp>

namespace thaw {

void add_init_command(CLI::App& app);

}  // namespace thaw
