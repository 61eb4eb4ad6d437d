// One invocation of `thaw run` as rank 0 sees it, from the sweep file to the report: over any Channel, in any process.
#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/prepared_sweep.hpp"
#include "common/trial/channel.hpp"
#include "common/util/cache_folder.hpp"
#include "common/util/silence.hpp"
#include "coordinator/dispatch/coordinator.hpp"
#include "coordinator/dispatch/heartbeat.hpp"
#include "coordinator/dispatch/unfinished.hpp"
#include "results/store/store.hpp"

namespace thaw {

/// The ranks that serve a sweep.
struct SweepWorld {
    bool one_host = true;
    std::vector<std::string> hosts = {};  // by rank; empty: not known
    std::chrono::milliseconds patience = usual_patience();
};

class SweepRun {
  public:
    /// The workers at the other ends of `channel` hear its heartbeat until run() has dismissed them. After `stop`
    /// trainings finish the epoch they are at, and all else is left.
    SweepRun(SweepOptions options, Channel& channel, const std::atomic<bool>& stop, SweepWorld world = {});

    /// All steps. Returns the exit code. Throws what ends the sweep: UserError, StorageError, RankLost. The results
    /// then say how it ended, unless a rank was lost.
    int execute();

    /// The steps. All checks; the results know of the invocation afterwards.
    void prepare();
    /// What earlier invocations have left to do.
    void make_plan();
    void run();
    /// Keeps the best trial's weights, where all trials have ended.
    void attend_to_winner();
    /// Writes into the results how the invocation ended, and lets go of them.
    void end(RunOutcome outcome, const std::string& message = "");
    void report() const;

    /// No worker waits for orders any more.
    bool workers_are_gone() const { return !heartbeat_; }
    const Plan& plan() const { return plan_; }
    const Outcome& outcome() const { return outcome_; }
    std::filesystem::path database() const { return prepared_.folder / "results.db"; }

  private:
    RunOutcome how_it_ended() const;
    void record_cut_stages(const ProgressDisplay& progress);

    SweepOptions options_;
    Channel& channel_;
    const std::atomic<bool>& stop_;
    SweepWorld world_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    std::optional<Heartbeat> heartbeat_;
    PreparedSweep prepared_;
    SweepRecord record_;
    std::optional<Store> store_;
    std::optional<CacheFolder> cache_;
    std::optional<RunningSweep> running_;
    std::optional<Pruner> pruner_;
    Unfinished left_;
    Plan plan_;
    Outcome outcome_;
};

}  // namespace thaw
