#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "coordinator/plan/group_sizes.hpp"
#include "coordinator/plan/passes.hpp"

namespace thaw {
namespace {

/// Of each member's share of a frozen stage; below it, beginning and gathering cost more than they save.
constexpr int kLeastImagesOfRank = 64;

bool stands_in_cache(const Plan& plan, const PlannedStage& stage, const PlanInputs& inputs) {
    const Trial& trial = plan.first_trial(stage);
    if (stage.kind == StageKind::decode) return inputs.is_cached(decoded_array(trial, inputs));
    return std::all_of(stage.taps.begin(), stage.taps.end(), [&](const PlannedTap& tap) {
        return tap.place == Storage::disk && inputs.is_cached(features_array(trial, tap, inputs));
    });
}

}  // namespace

/// Stages that few ranks would be busy with, while the others wait, are worked on by several together.
PassReport form_groups(Plan& plan, PassContext& context) {
    const PlanInputs& inputs = context.inputs;
    std::array<int, 2> frozen{};  // stages with work to do, by kind
    for (const PlannedStage& stage : plan.stages)
        if (stage.kind != StageKind::train && !stands_in_cache(plan, stage, inputs))
            ++frozen[static_cast<std::size_t>(stage.kind)];
    std::map<int, int> trainings;  // by ranks
    for (PlannedStage& stage : plan.stages) {
        const Trial& trial = plan.first_trial(stage);
        if (stage.kind != StageKind::train) {
            if (stands_in_cache(plan, stage, inputs)) continue;
            const int share = inputs.ranks / frozen[static_cast<std::size_t>(stage.kind)];
            stage.ranks = static_cast<int>(
                std::clamp<std::int64_t>(array_rows(trial, inputs) / kLeastImagesOfRank, 1, std::max(share, 1)));
        } else if (context.options.group_sizes && !trains_head_alone(trial, context.graphs.of(trial, inputs))) {
            stage.ranks = context.options.group_sizes->of(trial, inputs);
            ++trainings[stage.ranks];
        }
    }
    PassReport report{"form_groups", "", {}};
    report.text = inputs.ranks == 1 ? "one rank does all" : "every stage has one rank";
    int grouped = 0;
    for (const PlannedStage& stage : plan.stages) {
        if (stage.ranks == 1) continue;
        ++grouped;
        if (stage.kind != StageKind::train)
            report.details.push_back(fmt::format("{}: {} ranks", describe(plan, stage, inputs), stage.ranks));
    }
    for (const auto& [ranks, count] : trainings)
        report.details.push_back(
            fmt::format("{} tails train on {} {} each", count, ranks, ranks == 1 ? "rank" : "ranks"));
    if (grouped)
        report.text = fmt::format("{} of {} stages are worked on by several of the {} ranks", grouped,
                                  plan.stages.size(), inputs.ranks);
    return report;
}

}  // namespace thaw
