// From a sweep file to its plan: what `thaw run`, `plan` and `submit` have in common.
#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/trial/trial.hpp"
#include "common/util/cache_folder.hpp"
#include "common/util/memory_folder.hpp"
#include "coordinator/plan/group_sizes.hpp"
#include "coordinator/plan/plan.hpp"
#include "coordinator/sweep/axes.hpp"
#include "coordinator/sweep/sweep.hpp"

namespace thaw {

struct SweepOptions {
    std::string file;
    std::string runs = "runs";
    std::string cache, disk, memory;  // empty: the default
    std::string weights_dir;
    std::string device = "auto";
    int threads = 0;  // 0: the cores this rank may use
    bool no_sharing = false, force = false, quiet = false;
    std::string live;  // folder for TensorBoard; empty: none
    std::string command_line;

    std::filesystem::path folder_of(const std::string& name) const { return std::filesystem::path(runs) / name; }
    std::filesystem::path cache_folder() const {
        return cache.empty() ? std::filesystem::path(runs) / ".cache" : std::filesystem::path(cache);
    }
};

/// A sweep that has passed all checks.
struct PreparedSweep {
    Sweep sweep;
    RunInputs inputs;
    std::vector<Trial> trials;  // with ids; earlier phases are trials too
    std::optional<GroupSizes> group_sizes;
    std::size_t merged = 0, excluded = 0;
    std::filesystem::path folder;   // runs/NAME
    std::filesystem::path scratch;  // in it: what this sweep alone needs while it runs
    std::optional<MemoryFolder> memory;
    GraphCache graphs;
};

/// The names that sweep files may use.
Vocabulary vocabulary();

/// Makes the folder where it is missing. Throws UserError that names the option which chooses another place.
void make_folder(const std::filesystem::path& folder, const char* option);

/// What the sweep file alone can tell.
void read_trials(const SweepOptions& options, PreparedSweep& prepared);

/// All checks: the sweep file, the data, the weights, the folders. Throws UserError.
void prepare(const SweepOptions& options, int ranks, bool one_host, PreparedSweep& prepared);

/// The plan for these trials, and for the earlier phases whose weights they go on from and have not been kept. Where it
/// is long enough for that to be a small part of it, what it wants to know of this machine and is not known yet is
/// measured first; until `stop`.
Plan plan_of(const SweepOptions& options, PreparedSweep& prepared, std::vector<Trial> trials,
             const std::atomic<bool>& stop, std::unordered_map<std::string, int> known_epochs = {},
             std::set<std::string> suspects = {});

/// What was found out about the images, a line each; empty: nothing that people need to know.
std::string findings_text(const Inputs& inputs);

/// What `thaw plan` prints: all checks and the plan, on so many ranks like this one; nothing is run.
std::string dry_plan(const SweepOptions& options, int ranks, bool explain, const std::atomic<bool>& stop);

/// All images and features that a sweep uses must be in the cache at once; snapshots may go. The weights of earlier
/// phases lie in `phases`. Throws UserError.
void require_disk_space(const Plan& plan, const CacheFolder& cache, const std::filesystem::path& phases);

}  // namespace thaw
