// The stages that make what trials share: decoded images, and what the frozen part of a network makes of them.
#pragma once

#include <stop_token>

#include "common/trial/stage.hpp"
#include "worker/network/stage_context.hpp"

namespace thaw {

StageResult run(const DecodeStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop, Group* group = nullptr);
StageResult run(const FeaturesStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop, Group* group = nullptr);

}  // namespace thaw
