// `thaw export --tensorboard`: event files for the Scalars and HParams tabs.
#pragma once

#include <filesystem>
#include <string>

#include "results/store/database.hpp"
#include "results/store/store.hpp"

namespace thaw {

/// One folder a trial with an event file of its epochs and hyper-parameters, and the experiment's description in `to`
/// itself. Trials that differ only in their seeds are one session group. What an earlier export has left there of the
/// same trials is replaced.
void export_tensorboard(const Database& database, const std::filesystem::path& to);

/// What an event file begins with, and an epoch's scalars in it; times are seconds since 1970.
std::string tensorboard_start(double wall_time);
std::string tensorboard_epoch(double wall_time, const EpochRecord& epoch);

}  // namespace thaw
