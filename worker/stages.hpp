// What a rank does with each kind of stage.
#pragma once

#include <stop_token>

#include "common/stage.hpp"
#include "worker/stage_context.hpp"

namespace thaw {

/// Runs the stage on the calling thread and as many others as are its due. Throws StageError (its trials fail) or
/// UserError (the sweep cannot go on). A stage that is asked to stop ends early, leaving no output.
StageResult run_stage(const StageSpec& spec, StageContext& context, const StageReports& reports,
                      const std::stop_token& stop);

}  // namespace thaw
