#include <fmt/format.h>

#include <algorithm>

#include "coordinator/plan/passes.hpp"

namespace thaw {
namespace {

void prefix_key(const Trial& trial, const Inputs& inputs, std::string& key) {
    const WeightsSpec& weights = inputs.weights_of(trial);
    key.append(trial.backbone).append(1, '|').append(std::to_string(trial.image_size)).append(1, '|');
    // Random weights are another network for each seed.
    if (weights.sha256.empty())
        key.append("seed ").append(std::to_string(trial.seed));
    else
        key.append(weights.sha256);
    key.append(1, '|').append(weights.preprocessing).append(1, '|').append(weights.padding);
    key.append(1, '|').append(to_string(trial.precision)).append(1, '|').append(views_key(trial));
}

PassReport shared_prefix_report(const Plan& plan, int asked) {
    PassReport report{"share_prefix", "", {}};
    int passes = 0;
    for (const PlannedStage& stage : plan.stages) {
        if (stage.kind != StageKind::features) continue;
        ++passes;
        const Trial& trial = plan.first_trial(stage);
        report.details.push_back(fmt::format(
            "{}{} at {} px: one pass with {} for {} trials", trial.backbone, precision_mark(trial.precision),
            trial.image_size, stage.taps.size() == 1 ? "one output" : fmt::format("{} outputs", stage.taps.size()),
            stage.trials.size()));
    }
    report.text = fmt::format("{} frozen forward passes saved: one pass per backbone gives every cut", asked - passes);
    return report;
}

}  // namespace

const SharingPass kSharePrefix = {"share_prefix", StageKind::features, prefix_key, shared_prefix_report};

}  // namespace thaw
