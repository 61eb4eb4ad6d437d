// Short measurements of this machine, from which the planner predicts what stages cost.
#pragma once

#include <atomic>
#include <filesystem>
#include <vector>

#include "common/trial/inputs.hpp"
#include "common/trial/speeds.hpp"

namespace thaw {

/// Measures what the probes ask for, a few tenths of a second each, with all of `threads` threads at it, and puts the
/// results into `speeds`. Reads images of inputs.dataset; writes (and removes) a file in the folder `cache`. What
/// cannot be measured is left out. Ends early when `stop` becomes true.
void measure_speeds(const std::vector<Probe>& probes, const Inputs& inputs, int threads,
                    const std::filesystem::path& cache, const std::atomic<bool>& stop, Speeds& speeds);

}  // namespace thaw
