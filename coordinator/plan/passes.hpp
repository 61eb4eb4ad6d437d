// The passes that make a plan; in the order of the tables in plan.cpp, each in a file of its own.
#pragma once

#include <string>
#include <vector>

#include "coordinator/plan/cost_model.hpp"
#include "coordinator/plan/plan.hpp"

namespace thaw {

struct PassContext {
    const PlanInputs& inputs;
    const PlanOptions& options;
    GraphCache& graphs;
    CostModel& costs;
};

/// A sharing pass says which stages of one kind are the same work: those whose keys are equal.
struct SharingPass {
    const char* name;
    StageKind kind;
    void (*key)(const Trial& trial, const Inputs& inputs, std::string& key);  // appends to `key`
    /// `asked`: how many stages there would be without the pass.
    PassReport (*report)(const Plan& plan, int asked);
};

/// An image is decoded and resized once per size, for all backbones and trials.
extern const SharingPass kShareDecode;
/// One forward pass per backbone, weights and size yields every cut that any trial needs.
extern const SharingPass kSharePrefix;
/// Trials that differ only in epochs are points on one trajectory, trained once to the last of them.
extern const SharingPass kMergeEpochs;

/// A later pass changes the plan and says what it did. A new one is a file passes/NAME.cpp, a line here and a line in
/// the table of plan.cpp.
using Pass = PassReport (*)(Plan& plan, PassContext& context);

/// For every stage the one that does its work after a pass: itself, an earlier one that it is merged into, or none
/// (kNoStage), where nothing needs it any more.
using StageMap = std::vector<int>;
constexpr int kNoStage = -1;
StageMap every_stage_itself(const Plan& plan);

/// Merges stages as the map says: trajectories, trials and what is needed; and takes out those that are gone.
void merge_stages(Plan& plan, const StageMap& into);

/// What augmentation costs, in words; changes nothing, and says nothing where there is none.
PassReport explain_augment(Plan& plan, PassContext& context);
/// An earlier phase of several trials is trained once; says so where any trial has phases.
PassReport share_phases(Plan& plan, PassContext& context);
/// Trials in whose flight the world has died run alone, after all others.
PassReport isolate_suspects(Plan& plan, PassContext& context);
/// Trainings go on from snapshots that earlier sweeps have left, and leave some themselves.
PassReport use_snapshots(Plan& plan, PassContext& context);
/// Features are kept on disk, in memory or nowhere, by what storing, reading and computing them again costs.
PassReport choose_cache(Plan& plan, PassContext& context);
/// Where a stopping rule judges trials, their training is cut; what is behind a cut waits for the decision.
PassReport split_at_rungs(Plan& plan, PassContext& context);
/// Tails whose features are nowhere, from the same cut and in the same batch order, are stepped side by side.
PassReport share_forward(Plan& plan, PassContext& context);
/// Heads on the same features are one stage, up to a length that still spreads over all threads.
PassReport fuse_heads(Plan& plan, PassContext& context);
/// Big trainings and what all others wait for are worked on by several ranks together.
PassReport form_groups(Plan& plan, PassContext& context);
/// Predicts seconds, bytes and memory of each stage, and how long they take together.
PassReport predict_cost(Plan& plan, PassContext& context);

}  // namespace thaw
