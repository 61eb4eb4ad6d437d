#include <fmt/format.h>

#include "coordinator/passes.hpp"

namespace thaw {

std::string share_prefix(Plan& plan, PassContext& context) {
    const int saved = merge_equal(plan, StageKind::features, [&](const PlannedStage& stage) {
        const Trial& trial = plan.first_trial(stage);
        const WeightsSpec& weights = context.inputs.weights_of(trial);
        // Random weights are another network for each seed.
        const std::string content = weights.sha256.empty() ? fmt::format("seed {}", trial.seed) : weights.sha256;
        return fmt::format("{}|{}|{}|{}|{}", trial.backbone, trial.image_size, content, weights.preprocessing,
                           weights.padding);
    });
    return fmt::format("{} frozen forward passes saved: one pass per backbone gives every cut", saved);
}

}  // namespace thaw
