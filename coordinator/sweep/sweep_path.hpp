// Paths in sweep files: environment variables, the home folder, and relative to what.
#pragma once

#include <filesystem>
#include <string>

#include "coordinator/sweep/yaml_reader.hpp"

namespace thaw {

/// An absolute path: ${NAME} and ${NAME:-default} replaced, a leading ~/ too, and the rest taken relative to the folder
/// of the sweep file.
std::filesystem::path read_path(const YamlReader& reader, const YAML::Node& node, const std::string& what);

/// The text with ${NAME} and ${NAME:-default} replaced from the environment as a shell does (the default also stands in
/// for an empty variable); throws UserError for a variable that is not set and has no default.
std::string substitute_environment(const std::string& text);

}  // namespace thaw
