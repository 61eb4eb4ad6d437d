// Commands about results: their options.
#pragma once

#include <CLI/App.hpp>

#include "results/report/report.hpp"

namespace thaw {

/// Those that need nothing but the database: query, status, export.
void add_results_commands(CLI::App& app);

/// `thaw report`; `thumbnail` makes small photos for it.
void add_report_command(CLI::App& app, Thumbnail thumbnail);

}  // namespace thaw
