#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "coordinator/plan/passes.hpp"

namespace thaw {
namespace {

// A stage's own cost (a message, opening files) is about a millisecond; longer ones than this only hinder spreading.
constexpr double kShortest = 0.1, kLongest = 2;  // seconds
constexpr int kStagesPerThread = 8;

}  // namespace

/// One head a thread, one after the other: stepped in turn they would push each other's optimizer state (16 bytes a
/// parameter) out of the processor's caches at every batch.
PassReport fuse_heads(Plan& plan, PassContext& context) {
    const auto is_head = [&](const PlannedStage& stage) {
        if (stage.kind != StageKind::train || stage.recompute || stage.gate_epoch > 0 || stage.alone) return false;
        const Trial& trial = plan.first_trial(stage);
        return trains_head_alone(trial, context.graphs.of(trial, context.inputs));
    };
    struct Found {
        int stage;
        double seconds;
    };
    std::vector<Found> heads;
    double sum = 0;
    for (std::size_t s = 0; s < plan.stages.size(); ++s) {
        const PlannedStage& stage = plan.stages[s];
        if (!is_head(stage)) continue;
        heads.push_back(
            {static_cast<int>(s), context.costs.trajectory_seconds(plan, plan.trajectory(stage.trajectories[0]))});
        sum += heads.back().seconds;
    }
    const int threads = context.inputs.threads_per_rank * context.inputs.ranks;
    const double target = std::clamp(sum / (threads * kStagesPerThread), kShortest, kLongest);

    std::map<std::tuple<std::vector<int>, Tap, int>, Found> open;  // by what they read; the seconds of all there
    StageMap into = every_stage_itself(plan);
    int fused = 0;
    for (const Found& head : heads) {
        const PlannedStage& stage = plan.stage(head.stage);
        const Trial& trial = plan.first_trial(stage);
        const auto key = std::tuple(stage.needs, tap_of(trial, context.graphs.of(trial, context.inputs)), trial.fold);
        const auto [entry, is_new] = open.try_emplace(key, head);
        if (is_new || entry->second.seconds >= target) {
            entry->second = head;
            ++fused;
            continue;
        }
        into[static_cast<std::size_t>(head.stage)] = entry->second.stage;
        entry->second.seconds += head.seconds;
    }
    merge_stages(plan, into);
    PassReport report{"fuse_heads", fmt::format("{} heads in {} stages", heads.size(), fused), {}};
    if (!heads.empty())
        report.details.push_back(
            fmt::format("stages of about {:.2f} s, so that {} threads have {} each; one head a thread, not in turn: "
                        "its optimizer state stays in the cache",
                        target, threads, kStagesPerThread));
    return report;
}

}  // namespace thaw
