// `thaw export --tensorboard`: event files for the Scalars and HParams tabs.
#pragma once

#include <filesystem>

#include "results/database.hpp"

namespace thaw {

/// One folder a trial with an event file of its epochs and hyper-parameters, and the experiment's description in `to`
/// itself. Trials that differ only in their seeds are one session group. What an earlier export has left there of the
/// same trials is replaced.
void export_tensorboard(const Database& database, const std::filesystem::path& to);

}  // namespace thaw
