// `thaw run`, `thaw plan` and `thaw submit`.
#pragma once

#include <CLI/App.hpp>
#include <exception>
#include <string>

namespace thaw {

/// `command_line`: as the user wrote it; it stands in the results.
void add_sweep_commands(CLI::App& app, const std::string& command_line, int& exit_code);

/// The exit code that an error stands for.
int exit_code_of(const std::exception& error);

/// On stderr, and whether the same command goes on.
void print_error(const std::exception& error);

}  // namespace thaw
