// The trial that a sweep's results recommend.
#pragma once

#include <filesystem>
#include <string>

namespace thaw {

/// Its id; throws UserError where no trial has finished.
std::string best_trial(const std::filesystem::path& database);

}  // namespace thaw
