#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <string>

#include "common/trial/epoch_rules.hpp"
#include "coordinator/plan/passes.hpp"

namespace thaw {

PassReport share_forward(Plan& plan, PassContext& context) {
    struct Group {
        int stage;
        std::int64_t memory;
    };
    std::map<std::string, Group> groups;  // by where the batches come from and in what order
    StageMap into = every_stage_itself(plan);
    PassReport report{"share_forward", "", {}};
    int asked = 0, left = 0, cached = 0;
    for (std::size_t s = 0; s < plan.stages.size(); ++s) {
        const PlannedStage& stage = plan.stages[s];
        if (stage.kind != StageKind::train) continue;
        const Trial& trial = plan.first_trial(stage);
        if (!stage.recompute) {
            cached += has_features(trial) && !trains_head_alone(trial, context.graphs.of(trial, context.inputs));
            continue;
        }
        ++asked;
        if (stage.gate_epoch > 0 || stage.alone) {
            ++left;
            continue;
        }
        const Tap tap = tap_of(trial, context.graphs.of(trial, context.inputs));
        std::string key;
        kSharePrefix.key(trial, context.inputs, key);
        key += fmt::format("|{}|{}|{}|{}|{}|{}", tap.cut, tap.pooled, to_string(tap.pooling), trial.seed,
                           trial.batch_size, trial.fold);
        if (trial.augment.fresh) key += '|' + augment_name(trial.augment);
        // Who waits for an earlier phase is not merged with who does not; the order of images counts its epochs.
        if (!trial.phases.empty()) key += fmt::format("|{}|{}", epochs_before(trial), fmt::join(stage.needs, "|"));
        const std::int64_t memory = context.costs.training_memory(trial);
        const auto [entry, is_new] = groups.try_emplace(key, Group{static_cast<int>(s), memory});
        if (is_new || entry->second.memory + memory > context.inputs.memory_budget) {
            entry->second = {static_cast<int>(s), memory};
            ++left;
            continue;
        }
        into[s] = entry->second.stage;
        entry->second.memory += memory;
    }
    merge_stages(plan, into);
    report.text = fmt::format("{} trainings whose features are nowhere carry their batches through {} frozen passes",
                              asked, left);
    if (cached)
        report.details.push_back(fmt::format(
            "declined for {} tails with kept features: a batch is mapped, not read; nothing would be saved", cached));
    return report;
}

}  // namespace thaw
