#include "coordinator/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "common/backbones/backbones.hpp"
#include "common/util/fingerprint.hpp"
#include "coordinator/plan/passes.hpp"
#include "coordinator/plan/phases.hpp"

namespace thaw {
namespace {

constexpr const SharingPass* kSharingPasses[] = {&kShareDecode, &kSharePrefix, &kMergeEpochs};

struct NamedPass {
    Pass pass;
    bool (*wanted)(const PlanOptions& options);
};
bool with_sharing(const PlanOptions& options) {
    return options.sharing;
}
bool with_stopping(const PlanOptions& options) {
    return !std::holds_alternative<std::monostate>(options.stopping);
}
bool with_suspects(const PlanOptions& options) {
    return !options.suspects.empty();
}
bool always(const PlanOptions&) {
    return true;
}
// How many epochs are left decides where features pay; where they lie decides which trainings can share a frozen pass,
// and which heads read the same array. What waits for a decision is not merged: others would wait with it.
constexpr NamedPass kPasses[] = {{explain_augment, always},       {isolate_suspects, with_suspects},
                                 {use_snapshots, with_sharing},   {choose_cache, with_sharing},
                                 {split_at_rungs, with_stopping}, {share_forward, with_sharing},
                                 {fuse_heads, with_sharing},      {form_groups, always},
                                 {predict_cost, always}};

/// Builds the graph of stages trial by trial. A stage that a sharing pass calls equal to one that is there becomes that
/// one at once: there may be millions, and a graph without sharing would hold three for every trial.
class PlanBuilder {
  public:
    PlanBuilder(std::vector<Trial> trials, const PlanInputs& inputs, GraphCache& graphs, const PlanOptions& options)
        : inputs_(inputs), graphs_(graphs) {
        plan_.trials = std::move(trials);
        plan_.shared = options.sharing;
        if (options.sharing)
            for (const SharingPass* pass : kSharingPasses) equal_[index(pass->kind)].pass = pass;
        find_earlier_phases(options.repeated);
    }

    Plan build() {
        if (plan_.shared) equal_[index(StageKind::train)].stages.reserve(plan_.trials.size());
        for (int i = 0; i < static_cast<int>(plan_.trials.size()); ++i)
            if (!plan_.repeated.contains(i)) train_stage(i);
        for (const SharingPass* pass : kSharingPasses)
            if (plan_.shared) plan_.reports.push_back(pass->report(plan_, equal_[index(pass->kind)].asked));
        return std::move(plan_);
    }

  private:
    static std::size_t index(StageKind kind) { return static_cast<std::size_t>(kind); }

    void find_earlier_phases(const std::set<std::string>& repeated) {
        const auto is_phased = [](const Trial& trial) { return !trial.phases.empty(); };
        if (std::none_of(plan_.trials.begin(), plan_.trials.end(), is_phased)) return;
        std::unordered_map<std::string, int> places;
        for (int i = 0; i < static_cast<int>(plan_.trials.size()); ++i) {
            const std::string& id = plan_.trials[static_cast<std::size_t>(i)].id;
            places[id] = i;
            if (repeated.contains(id)) plan_.repeated.insert(i);
        }
        for (const Trial& trial : plan_.trials) {
            const auto earlier = earlier_phase(trial, inputs_);
            const auto found = earlier ? places.find(earlier->id) : places.end();
            plan_.earlier.push_back(found == places.end() ? -1 : found->second);
        }
        trained_in_.assign(plan_.trials.size(), -1);
    }

    int earlier(int i) const { return plan_.earlier.empty() ? -1 : plan_.earlier[static_cast<std::size_t>(i)]; }

    /// The stage in which the earlier phase is trained that the trial goes on from; it leaves its weights. Without
    /// sharing each trial has one of its own.
    int phase_stage(int phase) {
        int& known = trained_in_[static_cast<std::size_t>(phase)];
        const int stage = plan_.shared && known >= 0 ? known : train_stage(phase);
        std::vector<int>& ends =
            plan_.trajectories[static_cast<std::size_t>(plan_.stage(stage).trajectories[0])].phase_ends;
        if (std::find(ends.begin(), ends.end(), phase) == ends.end()) ends.push_back(phase);
        return stage;
    }

    /// The stage that trains the trial, behind a chain of those that it needs.
    int train_stage(int i) {
        if (plan_.shared && !trained_in_.empty() && trained_in_[static_cast<std::size_t>(i)] >= 0)
            return trained_in_[static_cast<std::size_t>(i)];  // already, for who goes on from it
        const Trial& trial = plan_.trials[static_cast<std::size_t>(i)];
        std::vector<int> needs;
        if (earlier(i) >= 0) needs.push_back(phase_stage(earlier(i)));
        const int decode = stage_for(StageKind::decode, i, {});
        needs.push_back(decode);
        int features = -1;
        if (has_features(trial)) {
            features = stage_for(StageKind::features, i, {decode});
            add_tap(plan_.stages[static_cast<std::size_t>(features)], tap_of(trial, graphs_.of(trial, inputs_)));
            needs.push_back(features);  // the last, where there are any
        }
        const int train = stage_for(StageKind::train, i, std::move(needs));
        if (!trained_in_.empty()) trained_in_[static_cast<std::size_t>(i)] = train;
        PlannedStage& stage = plan_.stages[static_cast<std::size_t>(train)];
        if (stage.trajectories.empty()) {
            stage.recompute = has_frozen_pass(trial.cut) && features < 0;
            stage.head_alone = trains_head_alone(trial, graphs_.of(trial, inputs_));
            stage.trajectories.push_back(static_cast<int>(plan_.trajectories.size()));
            plan_.trajectories.emplace_back();
        }
        PlannedTrajectory& trajectory = plan_.trajectories[static_cast<std::size_t>(stage.trajectories[0])];
        trajectory.trials.push_back(i);
        trajectory.to_epoch = std::max(trajectory.to_epoch, trial.epochs);
        return train;
    }

    /// The stage of this kind that serves the trial: one that is there and equal, or a new one.
    int stage_for(StageKind kind, int i, std::vector<int> needs) {
        Equal& equal = equal_[index(kind)];
        ++equal.asked;
        int place = static_cast<int>(plan_.stages.size());
        if (equal.pass) {
            key_.clear();
            equal.pass->key(plan_.trials[static_cast<std::size_t>(i)], inputs_, key_);
            place = equal.stages.try_emplace(digest(key_), place).first->second;
        }
        if (place == static_cast<int>(plan_.stages.size())) {
            PlannedStage stage;
            stage.kind = kind;
            stage.needs = std::move(needs);
            plan_.stages.push_back(std::move(stage));
        }
        plan_.stages[static_cast<std::size_t>(place)].trials.push_back(i);
        return place;
    }

    static void add_tap(PlannedStage& stage, const Tap& wanted) {
        const auto at = std::lower_bound(stage.taps.begin(), stage.taps.end(), wanted);
        if (at == stage.taps.end() || *at != wanted) stage.taps.insert(at, {wanted, Storage::disk});
    }

    struct Equal {
        const SharingPass* pass = nullptr;  // none: no two stages are equal
        std::unordered_map<Digest, int, Digest::Hash> stages;
        int asked = 0;
    };

    const PlanInputs& inputs_;
    GraphCache& graphs_;
    Plan plan_;
    Equal equal_[3];               // by StageKind
    std::vector<int> trained_in_;  // where any trial has phases: by trial, its train stage; -1: not yet
    std::string key_;
};

}  // namespace

bool trains_head_alone(const Trial& trial, const LayerGraph& graph) {
    return trial.cut == graph.top_begin;
}

bool has_features(const Trial& trial) {
    return has_frozen_pass(trial.cut) && !trial.augment.fresh;
}

std::string views_key(const Trial& trial) {
    if (trial.augment.views == 0) return "";
    return fmt::format("{} seed {}{}", augment_name(trial.augment), trial.seed, trial.folds > 0 ? " folds" : "");
}

int trained_images(const Trial& trial, const Inputs& inputs) {
    return inputs.train_images + (trial.folds > 0 ? inputs.validation_images : 0);
}

std::int64_t array_rows(const Trial& trial, const Inputs& inputs) {
    return inputs.images() + std::int64_t{trial.augment.views} * trained_images(trial, inputs);
}

/// Trials that train nothing but their head read pooled vectors; the others the map at their cut.
Tap tap_of(const Trial& trial, const LayerGraph& graph) {
    if (trial.cut < graph.top_begin) return {trial.cut, false, Pooling::average};
    return {trial.cut, true, trial.head.pooling};
}

double core_seconds(const PlannedStage& stage, const RunInputs& inputs) {
    return stage.predicted.seconds * stage.threads(inputs.threads_per_rank);
}

const LayerGraph& GraphCache::get(const std::string& backbone, int image_size, const std::string& padding,
                                  int base_layers) {
    if (last_ && last_->first == std::tie(backbone, image_size, padding, base_layers)) return last_->second;
    const auto key = std::make_tuple(backbone, image_size, padding, base_layers);
    auto found = graphs_.find(key);
    if (found == graphs_.end()) {
        LayerGraph whole = build_backbone(backbone, image_size, parse_padding_style(padding));
        found = graphs_.emplace(key, cut_off(std::move(whole), base_layers)).first;
    }
    last_ = &*found;
    return found->second;
}

Plan make_plan(std::vector<Trial> trials, const PlanInputs& inputs, GraphCache& graphs, const PlanOptions& options) {
    Plan plan = PlanBuilder(std::move(trials), inputs, graphs, options).build();
    CostModel costs(inputs, graphs);
    PassContext context{inputs, options, graphs, costs};
    if (!plan.earlier.empty()) plan.reports.push_back(share_phases(plan, context));
    for (const NamedPass& pass : kPasses)
        if (pass.wanted(options)) {
            PassReport report = pass.pass(plan, context);
            if (!report.name.empty()) plan.reports.push_back(std::move(report));
        }
    plan.unmeasured = costs.missing();
    return plan;
}

std::vector<StageNode> stage_nodes(const Plan& plan) {
    std::vector<StageNode> nodes;
    for (const PlannedStage& stage : plan.stages)
        nodes.push_back({stage.needs, stage.predicted.seconds, stage.whole_rank(), stage.gate_epoch > 0, stage.unlikely,
                         stage.ranks, stage.alone});
    return nodes;
}

StageMap every_stage_itself(const Plan& plan) {
    StageMap itself(plan.stages.size());
    std::iota(itself.begin(), itself.end(), 0);
    return itself;
}

void merge_stages(Plan& plan, const StageMap& into) {
    StageMap moved_to(plan.stages.size(), kNoStage);
    std::size_t kept = 0;
    for (std::size_t s = 0; s < plan.stages.size(); ++s) {
        if (into[s] == kNoStage) continue;
        PlannedStage& stage = plan.stages[s];
        if (into[s] == static_cast<int>(s)) {
            for (int& need : stage.needs) need = moved_to[static_cast<std::size_t>(need)];
            moved_to[s] = static_cast<int>(kept);
            if (kept != s) plan.stages[kept] = std::move(stage);
            ++kept;
            continue;
        }
        moved_to[s] = moved_to[static_cast<std::size_t>(into[s])];
        PlannedStage& target = plan.stages[static_cast<std::size_t>(moved_to[s])];
        target.trajectories.insert(target.trajectories.end(), stage.trajectories.begin(), stage.trajectories.end());
        target.trials.insert(target.trials.end(), stage.trials.begin(), stage.trials.end());
        stage = {};  // there may be a million: their memory is wanted
    }
    plan.stages.resize(kept);
    for (PlannedStage& stage : plan.stages)
        if (stage.trajectories.size() > 1) std::sort(stage.trials.begin(), stage.trials.end());
}

}  // namespace thaw
