#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "coordinator/plan/passes.hpp"

namespace thaw {
namespace {

/// Training again must cost so many times the writing: who never asks for more epochs pays for it.
constexpr double kWorthKeeping = 20;
/// Of the cache's budget: a sweep's snapshots may not push out what features its other trials need.
constexpr double kShareOfCache = 0.25;

struct Kept {
    double seconds, bytes;
};

/// Of the biggest, one for every thread of every rank. A training that is shorter than what a kill may cost has none.
std::int64_t in_flight_bytes(const Plan& plan, const std::vector<Kept>& worth, const RunInputs& inputs) {
    const double longest_loss = std::chrono::duration<double>(kLongestLoss).count();
    std::vector<double> bytes;
    for (std::size_t t = 0; t < plan.trajectories.size(); ++t) {
        const PlannedTrajectory& trajectory = plan.trajectories[t];
        const int left = trajectory.to_epoch - trajectory.from_epoch;
        if (left > 1 && worth[t].seconds * left > longest_loss * trajectory.to_epoch) bytes.push_back(worth[t].bytes);
    }
    const auto at_once = std::min(bytes.size(), static_cast<std::size_t>(inputs.threads_per_rank * inputs.ranks));
    const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(at_once);
    std::partial_sort(bytes.begin(), end, bytes.end(), std::greater<>());
    return static_cast<std::int64_t>(std::accumulate(bytes.begin(), end, 0.0));
}

}  // namespace

/// A training goes on from the furthest snapshot of an earlier sweep, and leaves one where that is worth its bytes.
PassReport use_snapshots(Plan& plan, PassContext& context) {
    const PlanInputs& inputs = context.inputs;
    std::int64_t resumed = 0, epochs = 0;
    std::vector<Kept> worth(plan.trajectories.size());
    for (std::size_t t = 0; t < plan.trajectories.size(); ++t) {
        PlannedTrajectory& trajectory = plan.trajectories[t];
        const Trial& trial = plan.first_trial(trajectory);
        if (!inputs.snapshots.empty()) {
            const auto found = inputs.snapshots.find(trajectory_key(trial, inputs));
            if (found != inputs.snapshots.end()) {
                const auto beyond = found->second.upper_bound(trajectory.to_epoch);
                if (beyond != found->second.begin()) trajectory.from_epoch = *std::prev(beyond);
            }
        }
        resumed += trajectory.from_epoch > 0;
        epochs += trajectory.from_epoch;
        worth[t] = {context.costs.epochs_seconds(trial, trajectory.to_epoch), context.costs.snapshot_bytes(trial)};
    }
    plan.in_flight_bytes = in_flight_bytes(plan, worth, inputs);
    std::vector<std::size_t> order(plan.trajectories.size());
    std::iota(order.begin(), order.end(), 0);
    std::erase_if(order, [&](std::size_t t) {
        return plan.trajectories[t].from_epoch == plan.trajectories[t].to_epoch ||
               worth[t].seconds < kWorthKeeping * worth[t].bytes * context.costs.disk().seconds;
    });
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return worth[a].seconds * worth[b].bytes > worth[b].seconds * worth[a].bytes;
    });
    double room = kShareOfCache * static_cast<double>(inputs.cache_budget);
    std::size_t kept = 0;
    for (const std::size_t t : order) {
        if (inputs.cache_budget > 0 && (room -= worth[t].bytes) < 0) break;
        plan.trajectories[t].keeps_snapshot = true;
        ++kept;
    }
    PassReport report{"use_snapshots", "", {}};
    report.text = fmt::format(
        "{} trainings go on from snapshots, {} epochs are done; {} of {} leave one for more epochs; those "
        "in flight take up to {:.1f} MB",
        resumed, epochs, kept, plan.trajectories.size(), static_cast<double>(plan.in_flight_bytes) / 1e6);
    if (kept < plan.trajectories.size())
        report.details.push_back(fmt::format(
            "declined where training again costs less than {} times the writing, and past {:.0f} % of the cache",
            kWorthKeeping, 100 * kShareOfCache));
    return report;
}

}  // namespace thaw
