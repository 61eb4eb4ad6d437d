#include <fmt/format.h>

#include <algorithm>

#include "common/util/error.hpp"
#include "coordinator/plan/passes.hpp"

namespace thaw {
namespace {

/// What stands in the cache already is read once, to verify it.
class StageCosts {
  public:
    StageCosts(const Plan& plan, PassContext& context) : plan_(plan), inputs_(context.inputs), costs_(context.costs) {}

    Cost of(const PlannedStage& stage) {
        switch (stage.kind) {
            case StageKind::decode:
                return decode(stage);
            case StageKind::features:
                return features(stage);
            case StageKind::train:
                return train(stage);
        }
        THAW_CHECK(false, "stage kind {}", static_cast<int>(stage.kind));
    }

  private:
    int threads_of(const PlannedStage& stage) const { return stage.threads(inputs_.threads_per_rank); }

    Cost decode(const PlannedStage& stage) {
        const Trial& trial = plan_.first_trial(stage);
        const std::int64_t bytes = decoded_bytes(trial, inputs_);
        if (inputs_.is_cached(decoded_array(trial, inputs_)))
            return {static_cast<double>(bytes) * costs_.disk().evaluation, bytes, bytes};
        const double views = static_cast<double>(array_rows(trial, inputs_) - inputs_.images());
        return {(inputs_.images() * costs_.decode(trial).seconds + views * costs_.augment(trial)) / threads_of(stage) +
                    static_cast<double>(bytes) * costs_.disk().seconds,
                bytes, bytes};
    }

    Cost features(const PlannedStage& stage) {
        const Trial& trial = plan_.first_trial(stage);
        Cost cost;
        int deepest = 0;  // of the outputs that are not there
        for (const PlannedTap& tap : stage.taps) {
            const std::int64_t bytes = array_rows(trial, inputs_) * costs_.tap_bytes(trial, tap);
            (tap.place == Storage::disk ? cost.bytes : cost.memory) += bytes;
            const bool made = tap.place != Storage::disk || !inputs_.is_cached(features_array(trial, tap, inputs_));
            if (made) deepest = tap.cut;
            if (tap.place == Storage::disk)
                cost.seconds += static_cast<double>(bytes) * (made ? costs_.disk().seconds : costs_.disk().evaluation);
        }
        if (deepest == 0) return cost;
        const Measured image = costs_.forward(trial, deepest);
        cost.seconds +=
            image.setup + static_cast<double>(array_rows(trial, inputs_)) * image.seconds / threads_of(stage);
        cost.memory += 64 * costs_.forward_memory(trial, deepest);
        return cost;
    }

    Cost train(const PlannedStage& stage) {
        Cost cost;
        const int side_by_side = threads_of(stage);
        int longest = 0;
        double most = 0;
        for (const int index : stage.trajectories) {
            const PlannedTrajectory& trajectory = plan_.trajectory(index);
            const Trial& trial = plan_.first_trial(trajectory);
            const double seconds = costs_.trajectory_seconds(plan_, trajectory);
            cost.seconds += seconds / side_by_side;
            most = std::max(most, seconds);
            longest = std::max(longest, trajectory.to_epoch - trajectory.from_epoch);
            cost.memory = stage.recompute ? cost.memory + costs_.training_memory(trial)
                                          : std::max(cost.memory, costs_.training_memory(trial));
            if (trajectory.keeps_snapshot) cost.bytes += static_cast<std::int64_t>(costs_.snapshot_bytes(trial));
        }
        if (stage.ranks == 1) cost.seconds = std::max(cost.seconds, most);  // a group's threads all work on each
        cost.seconds += static_cast<double>(cost.bytes) * costs_.disk().seconds;
        const Trial& trial = plan_.first_trial(stage);
        const double trained = static_cast<double>(longest) * inputs_.train_images;
        if (trial.augment.fresh) cost.seconds += trained * costs_.augment(trial) / side_by_side;
        if (!stage.recompute) return cost;
        const Measured image = costs_.forward(trial, trial.cut);
        cost.seconds += image.setup + costs_.recomputed_images(trial, longest) * image.seconds / side_by_side;
        return cost;
    }

    const Plan& plan_;
    const PlanInputs& inputs_;
    CostModel& costs_;
};

}  // namespace

PassReport predict_cost(Plan& plan, PassContext& context) {
    StageCosts costs(plan, context);
    Cost total;
    for (PlannedStage& stage : plan.stages) {
        stage.predicted = costs.of(stage);
        if (stage.unlikely) continue;
        total.seconds += core_seconds(stage, context.inputs);
        total.bytes += stage.predicted.bytes;
        total.memory = std::max(total.memory, stage.predicted.memory);
    }
    const PlanInputs& inputs = context.inputs;
    plan.predicted_seconds = simulate(stage_nodes(plan), inputs.ranks, inputs.threads_per_rank);
    PassReport report{"cost", "", {}};
    report.text = fmt::format(
        "{:.1f} core-seconds: {:.1f} s on {} {} of {} threads; {:.1f} MB of cache, {:.0f} MB at the peak of a stage",
        total.seconds, plan.predicted_seconds, inputs.ranks, inputs.ranks == 1 ? "rank" : "ranks",
        inputs.threads_per_rank, static_cast<double>(total.bytes) / 1e6, static_cast<double>(total.memory) / 1e6);
    report.details.push_back(
        context.costs.missing().empty()
            ? "from speeds measured on this machine"
            : fmt::format("{} of the speeds behind it are not measured on this machine, but a usual server core's",
                          context.costs.missing().size()));
    const auto may_stop = std::count_if(plan.trials.begin(), plan.trials.end(),
                                        [](const Trial& trial) { return !trial.early_stop.none(); });
    if (may_stop > 0)
        report.details.push_back(
            fmt::format("as if none of the {} trials with early_stopping ended before its last epoch", may_stop));
    return report;
}

}  // namespace thaw
