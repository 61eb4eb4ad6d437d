#include <fmt/format.h>

#include "coordinator/passes.hpp"

namespace thaw {

std::string share_decode(Plan& plan, PassContext&) {
    const int saved = merge_equal(plan, StageKind::decode, [&](const PlannedStage& stage) {
        return std::to_string(plan.first_trial(stage).image_size);
    });
    return fmt::format("{} decode stages saved: every image size is decoded once", saved);
}

}  // namespace thaw
