#include <fmt/format.h>

#include <algorithm>

#include "coordinator/plan/passes.hpp"

namespace thaw {

PassReport isolate_suspects(Plan& plan, PassContext& context) {
    int isolated = 0;
    for (PlannedStage& stage : plan.stages) {
        stage.alone = stage.kind == StageKind::train && std::ranges::any_of(stage.trials, [&](int trial) {
                          return context.options.suspects.contains(plan.trial(trial).id);
                      });
        isolated += stage.alone;
    }
    return {"isolate_suspects",
            fmt::format("{} trainings run alone and last: an earlier run died while they were in flight", isolated),
            {}};
}

}  // namespace thaw
