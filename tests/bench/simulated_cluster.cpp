// The scheduler on a cluster that does not exist: thousands of ranks, a million stages, some of which fail or take
// longer than predicted. Prints events a second, idle ranks, and the schedule's length beside the least it could be.
//   simulated_cluster [ranks [stages]]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <queue>
#include <random>

#include "coordinator/plan/scheduler.hpp"

namespace thaw {
namespace {

struct Cluster {
    int ranks, threads;
    int stages;
    double failing;      // share of the stages
    double error;        // standard deviation of log(seconds / predicted)
    double group_share;  // of the trainings, that take 2 to 16 ranks
};

/// Sweeps of a decode, a features stage and trainings behind it, some of them behind one another (rungs).
std::vector<StageNode> make_stages(const Cluster& cluster, std::mt19937_64& random) {
    std::uniform_real_distribution<double> uniform(0, 1);
    std::lognormal_distribution<double> training(3, 1);  // median 20 s, mean 33 s
    std::vector<StageNode> nodes;
    while (static_cast<int>(nodes.size()) < cluster.stages) {
        const int decode = static_cast<int>(nodes.size());
        nodes.push_back({{}, 20, true});
        nodes.push_back({{decode}, 60, true});
        const int trainings = 50 + static_cast<int>(random() % 200);
        for (int i = 0; i < trainings && static_cast<int>(nodes.size()) < cluster.stages; ++i) {
            StageNode node{{decode, decode + 1}, training(random)};
            if (i > 0 && uniform(random) < 0.2) node.needs = {static_cast<int>(nodes.size()) - 1};
            if (uniform(random) < cluster.group_share) node.ranks = 2 << random() % 4;
            nodes.push_back(node);
        }
    }
    return nodes;
}

struct Result {
    std::size_t events = 0;
    double wall = 0;      // s, of the scheduler alone
    double makespan = 0;  // s, simulated
    double busy = 0;      // thread-seconds
    double longest = 0;   // s, of the longest path of what ran
    int cancelled = 0;
};

Result run(const Cluster& cluster, const std::vector<StageNode>& nodes, std::mt19937_64& random) {
    using Clock = std::chrono::steady_clock;
    using Ending = std::pair<double, int>;
    std::priority_queue<Ending, std::vector<Ending>, std::greater<>> running;
    std::normal_distribution<double> error(0, cluster.error);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::vector<double> path(nodes.size());
    Result result;
    double now = 0;
    auto start = Clock::now();
    Scheduler scheduler(nodes);
    const auto take = [&](const Actions& actions) {
        result.wall += std::chrono::duration<double>(Clock::now() - start).count();
        ++result.events;
        for (const Action& action : actions) {
            if (action.kind == Action::cancel) ++result.cancelled;
            if (action.kind != Action::start) continue;
            const StageNode& node = nodes[static_cast<std::size_t>(action.stage)];
            const double seconds = node.seconds * std::exp(error(random));
            const bool whole = node.whole_rank || node.ranks > 1;
            result.busy += seconds * (whole ? node.ranks * cluster.threads : 1);
            double& longest = path[static_cast<std::size_t>(action.stage)];
            for (const int need : node.needs) longest = std::max(longest, path[static_cast<std::size_t>(need)]);
            longest += seconds;
            result.longest = std::max(result.longest, longest);
            running.emplace(now + seconds, action.stage);
        }
        start = Clock::now();
    };
    for (int rank = 0; rank < cluster.ranks; ++rank) take(scheduler.rank_joined(rank, cluster.threads));
    while (!running.empty()) {
        const auto [end, stage] = running.top();
        running.pop();
        now = end;
        const bool fails = uniform(random) < cluster.failing;
        start = Clock::now();
        scheduler.set_time(now);
        take(fails ? scheduler.stage_failed(stage) : scheduler.stage_done(stage));
    }
    result.makespan = now;
    if (!scheduler.finished()) {
        fmt::print(stderr, "stages are left\n");
        std::exit(1);
    }
    return result;
}

void report(const char* name, const Cluster& cluster) {
    std::mt19937_64 random(1);
    const std::vector<StageNode> nodes = make_stages(cluster, random);
    const Result result = run(cluster, nodes, random);
    const double threads = static_cast<double>(cluster.ranks) * cluster.threads;
    const double least = std::max(result.busy / threads, result.longest);
    fmt::print("{:<34} {:>6} {:>8} {:>8} {:>9.0f} {:>9.1f} {:>9.1f} {:>8.3f} {:>7.2f}%\n", name, cluster.ranks,
               nodes.size(), result.cancelled, static_cast<double>(result.events) / result.wall, least, result.makespan,
               result.makespan / least, 100 * (1 - result.busy / (threads * result.makespan)));
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    const int ranks = argc > 1 ? std::atoi(argv[1]) : 10'000, stages = argc > 2 ? std::atoi(argv[2]) : 1'000'000;
    fmt::print("{:<34} {:>6} {:>8} {:>8} {:>9} {:>9} {:>9} {:>8} {:>8}\n", "", "ranks", "stages", "cancel.", "events/s",
               "bound, s", "takes, s", "ratio", "idle");
    thaw::report("as predicted", {ranks, 1, stages, 0, 0, 0});
    thaw::report("seconds off by 30 %, 1 % fail", {ranks, 1, stages, 0.01, 0.3, 0});
    thaw::report("and 5 % in groups of 2 to 16", {ranks, 1, stages, 0.01, 0.3, 0.05});
    thaw::report("the same, 4 threads a rank", {ranks / 4, 4, stages, 0.01, 0.3, 0.05});
}
