// How the ranks of one host share its cores: how many threads each has, and what is wrong with where they were put.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace thaw {

struct HostRanks {
    std::vector<std::vector<int>> cores;  // those that each rank on this host is allowed to run on
    int usable = 1;         // how many cores there are for all of them together, wherever the launcher has bound them
    bool launched = false;  // by mpirun or srun, which bind
    int wanted = 0;         // threads of each rank that the user asks for; 0: none in particular
};

/// The rank's fair share of the cores that it is allowed: less than 1 where ranks share cores.
double core_share(const HostRanks& host, std::size_t rank);

/// What this rank runs at once: what was asked for, else its fair share of cores.
int threads_of(const HostRanks& host, std::size_t rank);

/// "" where all is well; else what is wrong and the option that mends it.
std::string placement_warning(const HostRanks& host, const std::string& host_name);

/// Threads of a group of ranks wait for each other many times a second, a thread for a short while each time. With
/// short turns on the processor such a thread, and those that it starts, need not wait for whole turns of other
/// programs first: a slice of 0.1 ms, as Linux offers it since 6.12 (sched_setattr(2), EEVDF). Without effect
/// elsewhere.
void ask_for_short_turns();

std::string host_name();  // of this machine; "unknown" where it has none

/// Cores that this process is allowed to run on.
std::vector<int> allowed_cores();

/// Cores that its launcher may give away on this host: within what Slurm has allocated and cgroups allow.
int usable_cores();

/// The CPU limit of this process' cgroup (versions 1 and 2) or the tightest around it, in cores; 0: no limit.
/// `root` is there for tests.
double cgroup_cpu_limit(const std::filesystem::path& root = "/");

}  // namespace thaw
