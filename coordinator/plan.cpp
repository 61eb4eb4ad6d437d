#include "coordinator/plan.hpp"

#include <algorithm>
#include <unordered_map>

#include "common/backbones/backbones.hpp"
#include "coordinator/passes.hpp"

namespace thaw {
namespace {

/// A features stage pays where a network's layer, not merely its input, is frozen.
bool has_features(const Trial& trial) {
    return trial.cut > 1;
}

/// Trials that train nothing but their head read pooled vectors; the others the map at their cut.
TapKey tap_of(const Trial& trial, const LayerGraph& graph) {
    if (trial.cut < graph.top_begin) return {trial.cut, false, Pooling::average};
    return {trial.cut, true, trial.head.pooling};
}

struct NamedPass {
    const char* name;
    Pass pass;
    bool shares;  // left out by --no-sharing
};

constexpr NamedPass kPasses[] = {
    {"share_decode", share_decode, true},
    {"share_prefix", share_prefix, true},
    {"merge_epochs", merge_epochs, true},
    {"cost", predict_cost, false},
};

}  // namespace

double core_seconds(const PlannedStage& stage, const Inputs& inputs) {
    return stage.predicted.seconds * (stage.whole_rank() ? inputs.threads_per_rank : 1);
}

const LayerGraph& GraphCache::get(const std::string& backbone, int image_size, const std::string& padding) {
    const auto key = std::make_tuple(backbone, image_size, padding);
    const auto found = graphs_.find(key);
    if (found != graphs_.end()) return found->second;
    return graphs_.emplace(key, build_backbone(backbone, image_size, parse_padding_style(padding))).first->second;
}

Plan plan_separately(std::vector<Trial> trials, const Inputs& inputs, GraphCache& graphs) {
    Plan plan;
    plan.trials = std::move(trials);
    for (int i = 0; i < static_cast<int>(plan.trials.size()); ++i) {
        const Trial& trial = plan.trials[static_cast<std::size_t>(i)];
        const LayerGraph& graph = graphs.get(trial.backbone, trial.image_size, inputs.weights_of(trial).padding);
        const auto add = [&](StageKind kind, std::vector<int> needs, std::vector<TapKey> taps) {
            PlannedStage stage{
                .kind = kind, .trials = {i}, .needs = std::move(needs), .taps = std::move(taps), .predicted = {}};
            plan.stages.push_back(std::move(stage));
            return static_cast<int>(plan.stages.size()) - 1;
        };
        std::vector<int> needs = {add(StageKind::decode, {}, {})};
        if (has_features(trial)) needs.push_back(add(StageKind::features, needs, {tap_of(trial, graph)}));
        add(StageKind::train, needs, {});
    }
    return plan;
}

Plan make_plan(std::vector<Trial> trials, const Inputs& inputs, GraphCache& graphs, bool sharing) {
    Plan plan = plan_separately(std::move(trials), inputs, graphs);
    plan.shared = sharing;
    PassContext context{inputs, graphs};
    for (const NamedPass& pass : kPasses)
        if (sharing || !pass.shares) plan.reports.push_back({pass.name, pass.pass(plan, context)});
    return plan;
}

int merge_equal(Plan& plan, StageKind kind, const std::function<std::string(const PlannedStage&)>& key) {
    std::unordered_map<std::string, int> first;  // by key: index in the merged list
    std::vector<int> moved_to(plan.stages.size());
    std::vector<PlannedStage> merged;
    for (std::size_t i = 0; i < plan.stages.size(); ++i) {
        PlannedStage& stage = plan.stages[i];
        const int next = static_cast<int>(merged.size());
        const int place = stage.kind == kind ? first.emplace(key(stage), next).first->second : next;
        moved_to[i] = place;
        for (int& need : stage.needs) need = moved_to[static_cast<std::size_t>(need)];
        if (place == next) {
            merged.push_back(std::move(stage));
            continue;
        }
        PlannedStage& kept = merged[static_cast<std::size_t>(place)];
        const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
        append(kept.trials, stage.trials);
        append(kept.needs, stage.needs);
        append(kept.taps, stage.taps);
    }
    for (PlannedStage& stage : merged) {
        const auto tidy = [](auto& list) {
            std::sort(list.begin(), list.end());
            list.erase(std::unique(list.begin(), list.end()), list.end());
        };
        tidy(stage.trials);
        tidy(stage.needs);
        tidy(stage.taps);
    }
    const int saved = static_cast<int>(plan.stages.size() - merged.size());
    plan.stages = std::move(merged);
    return saved;
}

}  // namespace thaw
