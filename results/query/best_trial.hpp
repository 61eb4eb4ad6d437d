// The trial that a sweep's results recommend.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "results/store/database.hpp"

namespace thaw {

/// Its id: of the configuration that is best on the average of its seeds, the best trial; nothing where no trial has
/// finished.
std::optional<std::string> best_trial(const Database& database);
/// The same; throws UserError where no trial has finished.
std::string best_trial(const std::filesystem::path& database);

}  // namespace thaw
