// `thaw backbones`: its options, and how long networks take on this machine.
#pragma once

#include <CLI/App.hpp>

namespace thaw {

void add_backbones_command(CLI::App& app);

}  // namespace thaw
