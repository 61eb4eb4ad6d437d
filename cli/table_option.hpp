// The options by which every command that prints a table is told how.
#pragma once

#include <CLI/App.hpp>

#include "common/util/table.hpp"

namespace thaw {

/// --format text|markdown|latex|csv|json, and --csv and --json for short. `format` lives as long as the command.
void add_format_options(CLI::App& command, TableFormat& format);

}  // namespace thaw
