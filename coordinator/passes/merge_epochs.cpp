#include <fmt/format.h>

#include <algorithm>

#include "coordinator/passes.hpp"

namespace thaw {

std::string merge_epochs(Plan& plan, PassContext&) {
    const auto epochs_to_train = [&] {
        std::int64_t epochs = 0;
        for (const PlannedStage& stage : plan.stages) {
            int longest = 0;
            if (stage.kind == StageKind::train)
                for (const int trial : stage.trials)
                    longest = std::max(longest, plan.trials[static_cast<std::size_t>(trial)].epochs);
            epochs += longest;
        }
        return epochs;
    };
    const std::int64_t before = epochs_to_train();
    const int saved = merge_equal(plan, StageKind::train, [&](const PlannedStage& stage) {
        Trial trajectory = plan.first_trial(stage);
        trajectory.epochs = 0;
        return trial_id(trajectory, trajectory.weights);
    });
    return fmt::format("{} trainings saved, {} of {} epochs: trials that differ only in epochs are one trajectory",
                       saved, before - epochs_to_train(), before);
}

}  // namespace thaw
