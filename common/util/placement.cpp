#include "common/util/placement.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::map<int, int> ranks_on_core(const HostRanks& host) {
    std::map<int, int> ranks;
    for (const auto& cores : host.cores)
        for (const int core : cores) ++ranks[core];
    return ranks;
}

std::string count_text(int count, const char* thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::vector<int> cores_of(pid_t process) {
    std::vector<int> cores;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(process, sizeof set, &set) == 0)
        for (int core = 0; core < CPU_SETSIZE; ++core)
            if (CPU_ISSET(core, &set)) cores.push_back(core);
    return cores;
}

/// "MAX PERIOD" or "max PERIOD" (version 2), or the two numbers in files of their own (version 1), as cores; 0: none.
double limit_in(const fs::path& folder, bool version_2) {
    double most = 0, period = 0;
    if (version_2) {
        std::ifstream(folder / "cpu.max") >> most >> period;  // "max" is no number
    } else {
        std::ifstream(folder / "cpu.cfs_quota_us") >> most;  // -1: none
        std::ifstream(folder / "cpu.cfs_period_us") >> period;
    }
    return most > 0 && period > 0 ? most / period : 0;
}

/// The tightest limit of the group and those around it. In a container the path is often the host's: then only the
/// mount's own top is there.
double limit_around(const fs::path& mount, fs::path group, bool version_2) {
    double tightest = 0;
    for (group = group.relative_path();; group = group.parent_path()) {
        const double limit = limit_in(mount / group, version_2);
        if (limit > 0) tightest = tightest > 0 ? std::min(tightest, limit) : limit;
        if (group.empty()) return tightest;
    }
}

}  // namespace

double core_share(const HostRanks& host, std::size_t rank) {
    const std::map<int, int> ranks = ranks_on_core(host);
    double share = 1e-9;  // for the sums of thirds that are one
    for (const int core : host.cores[rank]) share += 1.0 / ranks.at(core);
    return std::min(share, static_cast<double>(host.usable) / static_cast<double>(host.cores.size()));
}

int threads_of(const HostRanks& host, std::size_t rank) {
    return host.wanted > 0 ? host.wanted : std::max(1, static_cast<int>(core_share(host, rank)));
}

void ask_for_short_turns() {
    struct {  // sched_attr of linux/sched/types.h, whose header clashes with glibc's
        std::uint32_t size, policy;
        std::uint64_t flags;
        std::int32_t nice;
        std::uint32_t priority;
        std::uint64_t runtime, deadline, period;  // ns
    } attributes = {};
    attributes.size = sizeof attributes;
    attributes.policy = SCHED_OTHER;
    attributes.runtime = 100'000;
    errno = 0;
    attributes.nice = ::getpriority(PRIO_PROCESS, 0);
    if (errno == 0) ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

std::string placement_warning(const HostRanks& host, const std::string& host_name) {
    const int ranks = static_cast<int>(host.cores.size());
    const int share = std::max(1, host.usable / ranks);
    const auto tightest = std::min_element(host.cores.begin(), host.cores.end(),
                                           [](const auto& a, const auto& b) { return a.size() < b.size(); });
    const int bound_to = static_cast<int>(tightest->size());
    // Two: the halves of one core. More than that is what someone has chosen.
    const bool idle =
        host.wanted > 0 ? bound_to < std::min(host.wanted, share) : bound_to <= 2 && 2 * bound_to <= share;
    if (host.launched && idle)
        return fmt::format(
            "{}: a rank is bound to {}, but there are {} for {}; start them with mpirun --bind-to none, or srun "
            "--cpus-per-task={}",
            host_name, count_text(bound_to, "core"), count_text(host.usable, "core"), count_text(ranks, "rank"), share);
    int threads = 0;
    for (std::size_t rank = 0; rank < host.cores.size(); ++rank) threads += threads_of(host, rank);
    const int cores = std::min(host.usable, static_cast<int>(ranks_on_core(host).size()));
    if (threads <= cores) return "";
    const std::string mend = cores < ranks ? fmt::format("start at most {} on this host (mpirun --map-by ppr:{}:node)",
                                                         count_text(cores, "rank"), cores)
                                           : fmt::format("use --threads {} or less", cores / ranks);
    return fmt::format("{}: {} with {} in all share {}; {}", host_name, count_text(ranks, "rank"),
                       count_text(threads, "thread"), count_text(cores, "core"), mend);
}

std::string host_name() {
    char host[256] = "unknown";
    ::gethostname(host, sizeof host - 1);
    return host;
}

std::vector<int> allowed_cores() {
    std::vector<int> cores = cores_of(0);
    if (cores.empty()) cores.push_back(0);
    return cores;
}

int usable_cores() {
    // A launcher's daemon is not bound as its ranks are.
    int usable = static_cast<int>(std::max(cores_of(::getppid()).size(), allowed_cores().size()));
    if (const char* allocated = std::getenv("SLURM_CPUS_ON_NODE"))
        if (const int cores = std::atoi(allocated); cores > 0) usable = std::min(usable, cores);
    if (const double limit = cgroup_cpu_limit(); limit > 0)
        usable = std::min(usable, static_cast<int>(std::ceil(limit)));
    return std::max(usable, 1);
}

double cgroup_cpu_limit(const fs::path& root) {
    std::ifstream groups(root / "proc/self/cgroup");  // lines "0::/PATH" (version 2) and "N:cpu,cpuacct:/PATH"
    double tightest = 0;
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const bool version_2 = controllers == ",,";
        if (!version_2 && controllers.find(",cpu,") == std::string::npos) continue;
        const fs::path mount = root / (version_2 ? "sys/fs/cgroup" : "sys/fs/cgroup/cpu");
        const double limit = limit_around(mount, line.substr(second + 1), version_2);
        if (limit > 0) tightest = tightest > 0 ? std::min(tightest, limit) : limit;
    }
    return tightest;
}

}  // namespace thaw
