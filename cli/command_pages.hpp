// What is made of the commands' own descriptions: completion for shells, and the manual page.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace thaw {

/// A script for `shell` (bash or zsh) that completes commands and options, runs after commands that take one, and files
/// otherwise. Throws UserError for another shell.
std::string completion_script(const CLI::App& app, const std::string& shell);

/// In man(7)'s macros: every command with its options and examples.
std::string man_page(const CLI::App& app);

/// `thaw completion` and `thaw man`, about all of the app's commands; to be added last.
void add_page_commands(CLI::App& app);

}  // namespace thaw
