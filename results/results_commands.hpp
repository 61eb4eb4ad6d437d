// `thaw query`, `thaw report`: their options.
#pragma once

#include <CLI/App.hpp>

#include "results/report.hpp"

namespace thaw {

/// Those whose work needs neither networks nor ranks nor images.
void add_results_commands(CLI::App& app);

void add_report_command(CLI::App& app, const Thumbnail& thumbnail);

}  // namespace thaw
