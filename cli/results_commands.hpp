// Commands about results: their options.
#pragma once

#include <CLI/App.hpp>

namespace thaw {

/// Those that need nothing but the database: query, status, export.
void add_results_commands(CLI::App& app);

}  // namespace thaw
