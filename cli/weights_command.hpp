// The subcommands of `thaw weights`.
#pragma once

#include <CLI/App.hpp>

namespace thaw {

/// Alone, `thaw weights` lists the weights that are known.
void add_weights_command(CLI::App& app);

}  // namespace thaw
