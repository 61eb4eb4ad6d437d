#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "coordinator/passes.hpp"

namespace thaw {

PassReport share_forward(Plan& plan, PassContext& context) {
    struct Group {
        PlannedStage* stage;
        std::int64_t memory;
    };
    std::map<std::string, Group> groups;  // by where the batches come from and in what order
    std::vector<bool> gone(plan.stages.size());
    PassReport report{"share_forward", "", {}};
    int asked = 0, left = 0, cached = 0;
    for (std::size_t s = 0; s < plan.stages.size(); ++s) {
        PlannedStage& stage = plan.stages[s];
        if (stage.kind != StageKind::train) continue;
        const Trial& trial = plan.first_trial(stage);
        if (!stage.recompute) {
            cached += has_features(trial) && trial.cut != context.graphs.of(trial, context.inputs).top_begin;
            continue;
        }
        ++asked;
        const TapKey tap = tap_of(trial, context.graphs.of(trial, context.inputs));
        std::string key;
        kSharePrefix.key(trial, context.inputs, key);
        key +=
            fmt::format("|{}|{}|{}|{}|{}", tap.cut, tap.pooled, to_string(tap.pooling), trial.seed, trial.batch_size);
        const std::int64_t memory = context.costs.training_memory(trial);
        const auto [entry, is_new] = groups.try_emplace(key, Group{&stage, memory});
        if (is_new || entry->second.memory + memory > context.inputs.memory_budget) {
            entry->second = {&stage, memory};
            ++left;
            continue;
        }
        gone[s] = true;
        PlannedStage& into = *entry->second.stage;
        into.trajectories.push_back(stage.trajectories[0]);
        into.trials.insert(into.trials.end(), stage.trials.begin(), stage.trials.end());
        std::sort(into.trials.begin(), into.trials.end());
        entry->second.memory += memory;
    }
    erase_stages(plan, gone);
    report.text = fmt::format("{} trainings whose features are nowhere carry their batches through {} frozen passes",
                              asked, left);
    if (cached)
        report.details.push_back(fmt::format(
            "declined for {} tails with kept features: a batch is mapped, not read; nothing would be saved", cached));
    return report;
}

}  // namespace thaw
