// What a sweep does for its winner once all trials are done.
#pragma once

#include <atomic>

#include "cli/prepared_sweep.hpp"
#include "results/store/store.hpp"

namespace thaw {

/// Keeps the best trial's weights, for `thaw predict` and `thaw export-model`, where the sweep keeps none, and records
/// what it takes the test images for, where there are any: each once. Its training goes on from its last snapshot, and
/// is done again where there is none. What goes wrong for the trial alone is a warning. Returns false where it was left
/// because of `stop`. Throws StorageError.
bool attend_to_winner(const SweepOptions& options, PreparedSweep& prepared, Store& store, const CacheFolder& cache,
                      const std::atomic<bool>& stop);

}  // namespace thaw
