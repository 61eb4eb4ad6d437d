// What `thaw help TOPIC` prints: the pages of docs/.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <string_view>

namespace thaw {

/// Whether it names a page, whole (`sweep-files`) or by one of its words (`sweep`).
bool is_help_topic(std::string_view topic);
/// The text of a topic; for "", the list of topics. Throws UserError for a topic that is not there.
std::string help_text(const std::string& topic);

void add_help_command(CLI::App& app);

}  // namespace thaw
