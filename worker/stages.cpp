#include "worker/stages.hpp"

#include "worker/frozen_stages.hpp"
#include "worker/train_stage.hpp"

namespace thaw {

StageResult run_stage(const StageSpec& spec, StageContext& context, const StageReports& reports,
                      const std::stop_token& stop) {
    return std::visit([&](const auto& stage) { return run(stage, context, reports, stop); }, spec);
}

}  // namespace thaw
