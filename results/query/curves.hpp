// One trial's epochs, and two trials side by side.
#pragma once

#include <string>

#include "common/util/table.hpp"
#include "results/store/database.hpp"

namespace thaw {

/// A trial's epochs: losses, accuracies, seconds. Trials are named by the first digits of their ids.
std::string curves_text(const Database& database, const std::string& trial, TableFormat format);

/// On which axes two trials differ and how they end, then their validation accuracy and loss epoch by epoch. As JSON an
/// object with both, as CSV two tables with an empty line between them.
std::string diff_text(const Database& database, const std::string& first, const std::string& second,
                      TableFormat format);

}  // namespace thaw
