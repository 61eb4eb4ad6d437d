// `thaw query`, `thaw report`: their options. What they do needs neither networks nor ranks.
#pragma once

#include <CLI/App.hpp>

namespace thaw {

void add_results_commands(CLI::App& app);

}  // namespace thaw
