// Reads a sweep file: YAML with every mistake reported where it stands, before anything starts.
#pragma once

#include <filesystem>

#include "coordinator/sweep/axes.hpp"
#include "coordinator/sweep/sweep.hpp"

namespace thaw {

/// Throws UserError: "FILE:LINE:COLUMN: what was found; what is wanted", with the line and a caret below.
Sweep read_sweep(const std::filesystem::path& file, const Vocabulary& vocabulary);

/// The same for a text already at hand; paths in it are relative to the folder of `source.file`.
Sweep parse_sweep(SourceText source, const Vocabulary& vocabulary);

}  // namespace thaw
