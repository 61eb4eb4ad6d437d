#include <fmt/format.h>

#include <algorithm>

#include "coordinator/plan/passes.hpp"

namespace thaw {
namespace {

void decode_key(const Trial& trial, const Inputs&, std::string& key) {
    key.append(std::to_string(trial.image_size)).append(1, '|').append(views_key(trial));
}

PassReport shared_decode_report(const Plan& plan, int asked) {
    const auto kept = std::count_if(plan.stages.begin(), plan.stages.end(),
                                    [](const PlannedStage& stage) { return stage.kind == StageKind::decode; });
    return {"share_decode", fmt::format("{} decode stages saved: every image size is decoded once", asked - kept), {}};
}

}  // namespace

const SharingPass kShareDecode = {"share_decode", StageKind::decode, decode_key, shared_decode_report};

}  // namespace thaw
