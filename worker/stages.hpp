// What a rank does with each kind of stage.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "common/epoch_metrics.hpp"
#include "common/stage.hpp"
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
    Kept<Dataset> datasets;
    Kept<TensorMap> weights;
};

struct StageResult {
    std::int64_t bytes = 0;  // written
    int bad_images = 0;
    bool reused = false;  // the output stood there already
};

/// How a running stage tells what it has done; called from any thread.
struct StageReports {
    std::function<void(std::int64_t images)> progress;
    std::function<void(const EpochMetrics&)> epoch;
};

/// Runs the stage on the calling thread and as many others as are its due. Throws StageError (its trials fail) or
/// UserError (the sweep cannot go on). A stage that is asked to stop ends early, leaving no output.
StageResult run_stage(const StageSpec& spec, StageContext& context, const StageReports& reports,
                      const std::stop_token& stop);

}  // namespace thaw
