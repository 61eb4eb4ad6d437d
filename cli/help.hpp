// What `thaw help TOPIC` prints: more than fits beside an option.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace thaw {

/// The text of a topic; for "", the list of topics. Throws UserError for a topic that is not there.
std::string help_text(const std::string& topic);

void add_help_command(CLI::App& app);

}  // namespace thaw
