// Which database a person means: by the name of a sweep, a run's folder, or a path.
#pragma once

#include <filesystem>
#include <string>

namespace thaw {

/// The results.db of a sweep's name among `runs`, of a run folder, or itself. Throws UserError where none is there.
std::filesystem::path find_results(const std::string& run, const std::string& runs);

}  // namespace thaw
