// What is known besides the trials, in the order in which it becomes known: what the checks find (Inputs), then what
// the run may use, then what the cache and the measurements of the machine say when a plan is made.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "common/trial/inputs.hpp"
#include "common/trial/speeds.hpp"
#include "common/trial/trial.hpp"
#include "common/util/cache_folder.hpp"

namespace thaw {

/// Once a sweep is prepared; the same for all plans of the run.
struct RunInputs : Inputs {
    int ranks = 1, threads_per_rank = 1;
    std::int64_t memory_budget = std::int64_t{1} << 30;  // bytes of features kept in RAM, on each host
    std::string memory_folder = {};                      // on a file system in RAM, this run's own
    std::int64_t cache_budget = 0;                       // bytes that the cache may hold; 0: no limit is known
    Keep keep = Keep::none;                              // what is kept of every trial,
    std::string checkpoints = {};                        // and the folder where
    std::string phases = {};                             // folder of weights that later phases go on from
};

/// When a plan is made.
struct PlanInputs : RunInputs {
    Speeds speeds = {};                                   // of this machine, as far as they have been measured
    std::set<std::string> cached_arrays = {};             // names of files in the cache
    std::map<std::string, std::set<int>> snapshots = {};  // there too: epochs by trajectory_key

    bool is_cached(const ArrayName& array) const { return cached_arrays.contains(array.file()); }
};

}  // namespace thaw
