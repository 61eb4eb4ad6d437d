#include "cli/winner.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "common/util/error.hpp"
#include "coordinator/dispatch/coordinator.hpp"
#include "coordinator/plan/plan.hpp"
#include "results/query/best_trial.hpp"
#include "results/store/database.hpp"
#include "worker/stages.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

/// The best finished trial and what is still to be done for it.
struct Winner {
    std::string id;
    TrialResult known;
    std::string checkpoint;  // path of the file that is to be written; empty: none is
    bool test = false;
};

Winner find_winner(const PreparedSweep& prepared) {
    const Database results = open_results(prepared.folder / "results.db");
    Winner winner;
    const std::optional<std::string> best = best_trial(results);
    if (!best) return winner;
    winner.id = *best;
    winner.known = trial_result(results, winner.id);
    winner.test = prepared.inputs.test_images > 0 && !winner.known.tested;
    const fs::path file = prepared.folder / "checkpoints" / (winner.id + ".safetensors");
    if (!fs::exists(file)) winner.checkpoint = file.string();
    return winner;
}

/// Runs the plan's stages one after the other on this process.
class Attendance {
  public:
    Attendance(const Winner& winner, const Trial& trial, Store& store, const std::atomic<bool>& stop)
        : winner_(winner), trial_(trial), store_(store), stop_(stop) {
        reports_.progress = [this](std::int64_t) { watch(); };
        reports_.epoch = [this](int, const EpochMetrics& metrics, const std::string&) {
            if (its_own_ && metrics.epoch == winner_.known.epoch && !winner_.known.weights.empty() &&
                metrics.weights != winner_.known.weights)
                spdlog::warn(
                    "the best trial {} was trained again, since no snapshot of it was left, and came out a little "
                    "different on this machine: what is kept of it is not to the last digit what was compared",
                    trial_.id);
            watch();
        };
        reports_.trajectory_failed = [](int, const std::string& message) { throw StageError("{}", message); };
        reports_.tested = [this](int, const std::vector<int>& predicted) { store_.record_test(trial_.id, predicted); };
    }

    bool run(const Plan& plan, const RunInputs& inputs, const std::string& cache, int threads) {
        StageContext context;
        context.threads = threads;
        for (int i = 0; i < static_cast<int>(plan.stages.size()); ++i) {
            StageSpec spec = stage_spec(plan, i, inputs, cache);
            its_own_ = plan.first_trial(plan.stage(i)).id == trial_.id;  // or an earlier phase, whose weights are lost
            if (auto* train = std::get_if<TrainStage>(&spec)) {
                if (its_own_)
                    ask(train->trajectories.at(0));
                else
                    for (TrainStage::Trajectory& phase : train->trajectories) keep_none(phase);
            }
            run_stage(spec, context, reports_, stopping_.get_token());
            if (stopping_.stop_requested()) return false;
        }
        return true;
    }

  private:
    void watch() {
        if (stop_) stopping_.request_stop();
    }

    void ask(TrainStage::Trajectory& trajectory) const {
        trajectory.test = winner_.test;
        keep_none(trajectory);
        if (winner_.checkpoint.empty()) return;
        trajectory.keep = Keep::last;
        trajectory.checkpoints = {{trial_, winner_.checkpoint}};
    }

    static void keep_none(TrainStage::Trajectory& trajectory) {
        trajectory.keep = Keep::none;
        trajectory.checkpoints.clear();
    }

    const Winner& winner_;
    const Trial& trial_;
    Store& store_;
    const std::atomic<bool>& stop_;
    std::stop_source stopping_;
    bool its_own_ = false;
    StageReports reports_;
};

}  // namespace

bool attend_to_winner(const SweepOptions& options, PreparedSweep& prepared, Store& store, const CacheFolder& cache,
                      const std::atomic<bool>& stop) {
    const Winner winner = find_winner(prepared);
    if (winner.checkpoint.empty() && !winner.test) return true;
    const auto trial = std::find_if(prepared.trials.begin(), prepared.trials.end(),
                                    [&](const Trial& candidate) { return candidate.id == winner.id; });
    if (trial == prepared.trials.end()) return true;  // of an earlier sweep file: this one does not say all of it
    if (!winner.checkpoint.empty()) make_folder(fs::path(winner.checkpoint).parent_path(), "--runs");
    try {
        const Plan plan = plan_of(options, prepared, {*trial}, stop);
        require_disk_space(plan, cache, prepared.inputs.phases);
        const std::string folder = (plan.shared ? cache.path() : prepared.scratch).string();
        const bool done = Attendance(winner, *trial, store, stop).run(plan, prepared.inputs, folder, options.threads);
        for (int i = 0; i < static_cast<int>(plan.stages.size()) && !plan.shared; ++i)
            remove_outputs(stage_spec(plan, i, prepared.inputs, folder));
        return done;
    } catch (const StageError& error) {
        spdlog::warn("the best trial's weights are not kept: {}", error.what());
    } catch (const UserError& error) {
        spdlog::warn("the best trial's weights are not kept: {}", error.what());
    }
    return true;
}

}  // namespace thaw
