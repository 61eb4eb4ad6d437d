// The plan: the graph of distinct stages for a set of trials, with what each is predicted to cost.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/trial/stage.hpp"
#include "common/trial/tap.hpp"
#include "common/trial/trial.hpp"
#include "common/util/cache_folder.hpp"
#include "coordinator/plan/plan_inputs.hpp"
#include "coordinator/plan/scheduler.hpp"
#include "coordinator/sweep/search.hpp"

namespace thaw {

struct Cost {
    double seconds = 0;       // from start to end, on its rank
    std::int64_t bytes = 0;   // written to the cache
    std::int64_t memory = 0;  // at the peak, of the stage alone
};

/// Where features lie between the pass that computes them and the trainings that read them. Nowhere: every training
/// computes them anew, batch by batch.
enum class Storage { disk, memory, nowhere };

struct PlannedTap : Tap {
    Storage place = Storage::disk;
};

/// Trials that are points on one training, or on a stretch of one.
struct PlannedTrajectory {
    std::vector<int> trials;           // indices into Plan::trials, ascending; they differ in nothing but epochs
    int from_epoch = 0;                // its training goes on from a snapshot of this epoch
    int to_epoch = 0;                  // its last; the most that any of the trials asks for, where it is no stretch
    bool keeps_snapshot = false;       // after its last epoch, for who asks for more epochs later
    std::vector<int> phase_ends = {};  // of its trials those that others go on from as their earlier phase
};

struct PlannedStage {
    StageKind kind = StageKind::decode;
    std::vector<int> trials;        // those it serves, as indices into Plan::trials; ascending
    std::vector<int> needs;         // stages that must be done before, as indices into Plan::stages
    std::vector<PlannedTap> taps;   // features only; ascending
    std::vector<int> trajectories;  // train only, as indices into Plan::trajectories
    bool recompute = false;         // train only: its features are nowhere
    bool head_alone = false;        // train only: nothing but heads
    int gate_epoch = 0;             // train only: runs where the stopping rule lets one of its trials go on from there
    bool unlikely = false;          // the prediction is made as if it were not run
    int ranks = 1;                  // that work on it together
    bool alone = false;             // train only: nothing else runs meanwhile
    Cost predicted;
    /// Whole-rank stages use every thread of their ranks; the others one, several run side by side.
    /// On all its ranks together.
    int threads(int threads_per_rank) const { return whole_rank() ? ranks * threads_per_rank : 1; }
    /// Of a head alone that recomputes, all threads work on what takes long, the frozen layers.
    bool whole_rank() const {
        return kind != StageKind::train || ranks > 1 || (recompute && (head_alone || trajectories.size() > 1));
    }
};

/// The stage's predicted seconds times the threads that it keeps busy on all its ranks.
double core_seconds(const PlannedStage& stage, const RunInputs& inputs);

/// What one pass did.
struct PassReport {
    std::string name;
    std::string text;                  // one sentence: what it found and saved
    std::vector<std::string> details;  // for `thaw plan --explain`: what was chosen or declined, and why
};

struct Plan {
    std::vector<Trial> trials;
    std::vector<PlannedTrajectory> trajectories;
    std::vector<PlannedStage> stages;       // needs point backwards
    std::vector<int> earlier = {};          // by trial, its earlier phase; -1: none, or it is done. Empty: none has any
    std::unordered_set<int> repeated = {};  // trials that are finished, but whose weights later phases want again
    std::int64_t phase_bytes = 0;           // of weights that later phases go on from
    std::vector<PassReport> reports;
    std::int64_t in_flight_bytes = 0;  // of the snapshots of trainings in flight, at most
    bool shared = false;  // with passes; without, every stage's output is its own, also where another's is equal
    double predicted_seconds = 0;  // from the first stage's start to the last one's end, on RunInputs::ranks ranks
    std::vector<Probe>
        unmeasured;  // speeds of this machine behind the predictions that PlanInputs::speeds does not tell

    const Trial& trial(int index) const { return trials[static_cast<std::size_t>(index)]; }
    const PlannedStage& stage(int index) const { return stages[static_cast<std::size_t>(index)]; }
    const PlannedTrajectory& trajectory(int index) const { return trajectories[static_cast<std::size_t>(index)]; }
    const Trial& first_trial(const PlannedStage& stage) const { return trial(stage.trials[0]); }
    const Trial& first_trial(const PlannedTrajectory& trajectory) const { return trial(trajectory.trials[0]); }
};

/// Layer graphs by (backbone, image size, padding, Trial::base_layers), built once.
class GraphCache {
  public:
    const LayerGraph& get(const std::string& backbone, int image_size, const std::string& padding, int base_layers = 0);
    const LayerGraph& of(const Trial& trial, const Inputs& inputs) {
        return get(trial.backbone, trial.image_size, inputs.weights_of(trial).padding, trial.base_layers);
    }

  private:
    using Graphs = std::map<std::tuple<std::string, int, std::string, int>, LayerGraph>;
    Graphs graphs_;
    const Graphs::value_type* last_ = nullptr;  // neighbouring trials mostly ask for the same
};

class GroupSizes;

struct PlanOptions {
    bool sharing = true;
    StoppingRule stopping = {};
    const GroupSizes* group_sizes = nullptr;                 // none: every training has one rank
    std::unordered_map<std::string, int> known_epochs = {};  // by trial id: what an earlier run recorded of it
    std::set<std::string> suspects = {};  // ids of trials that may bring the world down: they run alone
    std::set<std::string> repeated = {};  // ids of finished trials that are trained for nothing but their weights
};

/// Each trial's chain is decode, features where something is frozen, train. With `sharing`, stages that are equal in
/// the eyes of a sharing pass are one, and the other passes of passes.hpp follow; without, only those that change no
/// work.
Plan make_plan(std::vector<Trial> trials, const PlanInputs& inputs, GraphCache& graphs,
               const PlanOptions& options = {});

/// The plan as the scheduler sees it.
std::vector<StageNode> stage_nodes(const Plan& plan);

/// Which output of a frozen pass the trial trains on; trials that train from the images have none, nor have those whose
/// images are drawn anew in every epoch: they recompute.
bool has_features(const Trial& trial);
bool trains_head_alone(const Trial& trial, const LayerGraph& graph);
Tap tap_of(const Trial& trial, const LayerGraph& graph);

/// Fixed views: what decides which of them follow the images in the trial's arrays; "" where there are none.
std::string views_key(const Trial& trial);
/// Images that the trial may be trained on, and rows of its arrays: all images, and views of these.
int trained_images(const Trial& trial, const Inputs& inputs);
std::int64_t array_rows(const Trial& trial, const Inputs& inputs);

/// Names of arrays in the cache, by what is made and of which images: so rows of the same content can be found among
/// other data sets' arrays.
ArrayName decoded_array(const Trial& trial, const Inputs& inputs);
ArrayName features_array(const Trial& trial, const Tap& tap, const Inputs& inputs);

/// The stage as a worker gets it; outputs lie in the folder `cache`, under names that tell their content.
StageSpec stage_spec(const Plan& plan, int stage, const RunInputs& inputs, const std::string& cache);

/// The snapshots that its trainings go on from.
std::vector<std::string> snapshots_needed(const Plan& plan, const Inputs& inputs, const std::string& cache);

/// The files that the stage writes.
std::vector<std::string> stage_outputs(const StageSpec& spec);

/// All that a trial's result depends on besides the trial itself: what trial_id wants to know.
std::string trial_context(const Trial& trial, const Inputs& inputs);

/// Identity of a trajectory: names its snapshots.
std::string trajectory_key(const Trial& trial, const Inputs& inputs);

/// For people: "decode 671 images at 224", "mobilenet_v2: 2 cuts", "mobilenet_v2 freeze all head 256 …".
std::string describe(const Plan& plan, const PlannedStage& stage, const Inputs& inputs);

/// Sums, and a list of stages by kind, as `thaw plan` prints them; with `explain` also what each pass chose and why.
std::string plan_text(const Plan& plan, const RunInputs& inputs, bool explain = false);

}  // namespace thaw
