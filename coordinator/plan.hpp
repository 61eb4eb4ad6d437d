// The plan: the graph of stages for a set of trials. Built with nothing shared; passes then merge what is equal.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/inputs.hpp"
#include "common/stage.hpp"
#include "common/trial.hpp"

namespace thaw {

enum class StageKind { decode, features, train };

/// "decode", "features" or "train".
const char* kind_name(StageKind kind);

struct Cost {
    double seconds = 0;       // from start to end, on its rank
    std::int64_t bytes = 0;   // written to the cache
    std::int64_t memory = 0;  // at the peak, of the stage alone
};

/// Which output of a features stage a trial reads.
struct TapKey {
    int cut = 0;
    bool pooled = false;
    Pooling pooling = Pooling::average;
    auto operator<=>(const TapKey&) const = default;
};

struct PlannedStage {
    StageKind kind = StageKind::decode;
    std::vector<int> trials;   // those it serves, as indices into Plan::trials; ascending
    std::vector<int> needs;    // stages that must be done before, as indices into Plan::stages
    std::vector<TapKey> taps;  // features only; ascending
    Cost predicted;
    /// Whole-rank stages use every thread of their rank; the others one, several run side by side.
    bool whole_rank() const { return kind != StageKind::train; }
};

/// The stage's predicted seconds times the threads that it keeps busy.
double core_seconds(const PlannedStage& stage, const Inputs& inputs);

/// What one pass did, for `thaw plan`.
struct PassReport {
    std::string name;
    std::string text;  // one sentence
};

struct Plan {
    std::vector<Trial> trials;
    std::vector<PlannedStage> stages;  // needs point backwards
    std::vector<PassReport> reports;
    bool shared = false;  // with passes; without, every stage's output is its own, also where another's is equal

    const Trial& first_trial(const PlannedStage& stage) const {
        return trials[static_cast<std::size_t>(stage.trials[0])];
    }
};

/// Layer graphs by (backbone, image size, padding), built once.
class GraphCache {
  public:
    const LayerGraph& get(const std::string& backbone, int image_size, const std::string& padding);

  private:
    std::map<std::tuple<std::string, int, std::string>, LayerGraph> graphs_;
};

/// Each trial's own chain: decode, features where something is frozen, train. Nothing is shared.
Plan plan_separately(std::vector<Trial> trials, const Inputs& inputs, GraphCache& graphs);

/// plan_separately and then every pass of passes.hpp in order. With `sharing` false only `cost`.
Plan make_plan(std::vector<Trial> trials, const Inputs& inputs, GraphCache& graphs, bool sharing = true);

/// The stage as a worker gets it; outputs lie in the folder `cache`, under names that tell their content.
StageSpec stage_spec(const Plan& plan, int stage, const Inputs& inputs, const std::string& cache);

/// The files that the stage writes.
std::vector<std::string> stage_outputs(const StageSpec& spec);

/// For people: "decode 671 images at 224", "mobilenet_v2: 2 cuts", "mobilenet_v2 freeze all head 256 …".
std::string describe(const Plan& plan, const PlannedStage& stage, const Inputs& inputs);

/// Sums, and a list of stages by kind, as `thaw plan` prints them.
std::string plan_text(const Plan& plan, const Inputs& inputs);

/// Merges stages of `kind` for which `key` is equal, with their trials and taps, and rewires those that need them.
/// Returns how many stages were saved. What every sharing pass consists of.
int merge_equal(Plan& plan, StageKind kind, const std::function<std::string(const PlannedStage&)>& key);

}  // namespace thaw
