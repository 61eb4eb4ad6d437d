// The stage that trains: one trajectory or several that read the same input.
#pragma once

#include <stop_token>

#include "common/trial/stage.hpp"
#include "worker/network/stage_context.hpp"

namespace thaw {

StageResult run(const TrainStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop, Group* group = nullptr);

}  // namespace thaw
