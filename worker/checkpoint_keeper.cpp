#include "worker/checkpoint_keeper.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/error.hpp"
#include "common/storage.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

/// Of the epochs up to `last` the one that is kept.
const EpochMetrics& kept_of(const std::vector<EpochMetrics>& history, int last, Keep keep) {
    const auto end = std::find_if(history.begin(), history.end(), [&](const auto& done) { return done.epoch > last; });
    if (keep == Keep::last) return *std::prev(end);
    return *std::max_element(history.begin(), end, [](const EpochMetrics& a, const EpochMetrics& b) {
        return a.validation_accuracy < b.validation_accuracy;  // the first of equals
    });
}

struct Found {
    int epoch = 0;
    std::string weights;  // their fingerprint
};

/// What the file says of itself; nothing where it is not there or not whole.
Found look_at(const std::string& path) {
    try {
        const auto metadata = read_safetensors_metadata(FileReader(path));
        return {std::stoi(metadata.at("epoch")), metadata.at("fingerprint")};
    } catch (const std::exception&) {
        return {};
    }
}

}  // namespace

CheckpointKeeper::CheckpointKeeper(const TrainStage::Trajectory& planned, const Model& model,
                                   std::map<std::string, std::string> about)
    : planned_(planned), model_(model), about_(std::move(about)) {
    for (const TrainStage::Checkpoint& checkpoint : planned.checkpoints) wanted_.push_back({&checkpoint, planned.keep});
    for (const TrainStage::Checkpoint& end : planned.phase_ends) wanted_.push_back({&end, Keep::last});
    wants_best_ = planned.keep == Keep::best && !planned.checkpoints.empty();
}

bool CheckpointKeeper::can_go_on(const std::vector<EpochMetrics>& history) {
    const EpochMetrics& latest = history.back();
    kept_.clear();
    due_.clear();
    for (const auto& [wanted_file, keep] : wanted_) {
        const TrainStage::Checkpoint& checkpoint = *wanted_file;
        const bool ended = !reaches(checkpoint, latest.epoch + 1);
        if (keep == Keep::last && !ended && planned_.trial.epochs > latest.epoch) continue;
        const EpochMetrics& wanted = kept_of(history, checkpoint.trial.epochs, keep);
        const Found found = look_at(checkpoint.path);
        if (found.epoch == wanted.epoch && found.weights == wanted.weights)
            kept_[checkpoint.path] = found.epoch;
        else if (wanted.epoch == latest.epoch)
            due_.push_back(&checkpoint);
        else if (ended || found.epoch <= latest.epoch)
            return false;
        // One that was written behind the snapshot: its epoch comes again.
    }
    return true;
}

void CheckpointKeeper::go_on(const std::vector<EpochMetrics>& history) {
    if (wanted_.empty()) return;
    epoch_ = history.back().epoch;
    best_ = kept_of(history, epoch_, Keep::best);
    if (wants_best_ && best_.epoch == epoch_) best_tensors_ = model_.tensors();
    for (const TrainStage::Checkpoint* checkpoint : due_) write(*checkpoint, history.back(), model_.tensors());
}

void CheckpointKeeper::epoch_done(const EpochMetrics& metrics) {
    if (wanted_.empty()) return;
    epoch_ = metrics.epoch;
    if (best_.epoch == 0 || metrics.validation_accuracy > best_.validation_accuracy) {
        best_ = metrics;
        if (wants_best_) best_tensors_ = model_.tensors();
    }
    const bool at_end = epoch_ == planned_.trial.epochs;
    for (const auto& [checkpoint, keep] : wanted_) {
        if (!reaches(*checkpoint, epoch_) || (!at_end && checkpoint->trial.epochs != epoch_)) continue;
        if (keep == Keep::last)
            write(*checkpoint, metrics, model_.tensors());
        else
            write(*checkpoint, best_, best_tensors_);
    }
}

void CheckpointKeeper::save() {
    if (!wants_best_ || best_tensors_.empty()) return;
    for (const TrainStage::Checkpoint& checkpoint : planned_.checkpoints)
        if (reaches(checkpoint, epoch_)) write(checkpoint, best_, best_tensors_);
}

void CheckpointKeeper::write(const TrainStage::Checkpoint& checkpoint, const EpochMetrics& metrics,
                             const TensorMap& tensors) {
    int& kept = kept_[checkpoint.path];
    if (kept == metrics.epoch) return;
    std::map<std::string, std::string> about = about_;
    about["trial"] = to_json(checkpoint.trial).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    about["epoch"] = std::to_string(metrics.epoch);
    about["validation_accuracy"] = nlohmann::json(metrics.validation_accuracy).dump();
    about["fingerprint"] = metrics.weights;
    try {
        write_safetensors(checkpoint.path, tensors, about);
    } catch (const std::system_error& error) {
        if (is_storage_error(error)) throw StorageError("{}", error.what());
        throw StageError("{}", error.what());
    }
    kept = metrics.epoch;
}

}  // namespace thaw
