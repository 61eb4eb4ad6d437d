// What a rank does with each kind of stage.
#pragma once

#include <stop_token>

#include "common/trial/stage.hpp"
#include "worker/network/stage_context.hpp"

namespace thaw {

/// Runs the stage on the calling thread and as many others as are its due. Throws StageError (its trials fail) or
/// UserError (the sweep cannot go on). A stage that is asked to stop ends early, without an error
/// and leaving no output. With a group all
/// its members call this with equal stages: member 0 reports, and writes what there is to write; where one throws, all
/// do.
StageResult run_stage(const StageSpec& spec, StageContext& context, const StageReports& reports,
                      const std::stop_token& stop, Group* group = nullptr);

}  // namespace thaw
