// `thaw report`.
#pragma once

#include <CLI/App.hpp>

namespace thaw {

void add_report_command(CLI::App& app);

}  // namespace thaw
