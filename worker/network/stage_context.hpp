// What the functions that run stages have in common: inputs that many stages read, what a stage tells and gives back.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/trial/epoch_metrics.hpp"
#include "common/trial/stage.hpp"
#include "worker/communicator/groups.hpp"
#include "worker/data/image_folder.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// Values made once and kept; asked for by several threads at once.
template <typename Value>
class Kept {
  public:
    std::shared_ptr<const Value> get(const std::string& key, const std::function<Value()>& make) {
        const std::lock_guard lock(mutex_);
        auto& value = values_[key];
        if (!value) value = std::make_shared<const Value>(make());
        return value;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const Value>> values_;
};

/// What stages of one rank have in common: its threads, and inputs that many of them read.
struct StageContext {
    int threads = 1;
    Groups groups;
    std::atomic<bool> no_more_epochs = false;  // trainings end after the epoch they are at
    Kept<Dataset> datasets;
    Kept<TensorMap> weights;
};

struct StageResult {
    std::int64_t bytes = 0;  // written
    int bad_images = 0;
    bool reused = false;        // the output stood there already
    std::int64_t computed = 0;  // images decoded or forwarded; the rows of the others were copied
};

/// How a running stage tells what it has done; called from any thread.
struct StageReports {
    std::function<void(std::int64_t images)> progress;
    /// `obsolete`: a snapshot that nobody needs once the epoch is in the results; empty: none.
    std::function<void(int trajectory, const EpochMetrics&, const std::string& obsolete)> epoch;
    std::function<void(int trajectory, const std::string& message)> trajectory_failed;
    /// What each test image is taken for, by its place among them; -1: it cannot be read. Only where it is asked for.
    std::function<void(int trajectory, const std::vector<int>& predicted)> tested = {};
};

/// The dataset in the JSON file `path`.
std::shared_ptr<const Dataset> dataset_of(const std::string& path, StageContext& context);
/// The backbone's weights, read from their file or drawn from the seed; checked to fit.
std::shared_ptr<const TensorMap> tensors_of(const WeightsSpec& weights, const LayerGraph& graph, std::uint64_t seed,
                                            StageContext& context);

}  // namespace thaw
