#include "worker/checkpoint_keeper.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>

#include "common/trial/epoch_rules.hpp"
#include "common/util/error.hpp"
#include "common/util/storage.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

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
    : planned_(planned), model_(model), about_(std::move(about)) {}

const EpochMetrics& CheckpointKeeper::kept_of(const std::vector<EpochMetrics>& history, int last) const {
    const auto end = std::find_if(history.begin(), history.end(), [&](const auto& done) { return done.epoch > last; });
    if (planned_.keep == Keep::best)
        return *std::max_element(history.begin(), end, [](const EpochMetrics& a, const EpochMetrics& b) {
            return a.validation_accuracy < b.validation_accuracy;  // the first of equals
        });
    const int epoch = result_epoch(planned_.trial.early_stop, std::span(history.begin(), end));
    return *std::find_if(history.begin(), end, [&](const auto& done) { return done.epoch == epoch; });
}

bool CheckpointKeeper::can_go_on(const std::vector<EpochMetrics>& history) {
    const EpochMetrics& latest = history.back();
    const bool over = has_ended(planned_.trial, history);
    kept_.clear();
    due_.clear();
    for (const TrainStage::Checkpoint& checkpoint : planned_.checkpoints) {
        const bool ended = !reaches(checkpoint, latest.epoch + 1);
        if (!keeps_best() && !ended && !over) continue;
        const EpochMetrics& wanted = kept_of(history, checkpoint.trial.epochs);
        const Found found = look_at(checkpoint.path);
        if (found.epoch == wanted.epoch && found.weights == wanted.weights)
            kept_[checkpoint.trial.id] = found.epoch;
        else if (wanted.epoch == latest.epoch || (restores() && wanted.epoch == kept_of(history, latest.epoch).epoch))
            due_.push_back(&checkpoint);
        else if (ended || found.epoch <= latest.epoch)
            return false;
        // One that was written behind the snapshot: its epoch comes again.
    }
    return true;
}

void CheckpointKeeper::go_on(const std::vector<EpochMetrics>& history, TensorMap restored) {
    if (planned_.checkpoints.empty()) return;
    history_ = history;
    best_ = kept_of(history, history.back().epoch);
    if (restores())
        best_tensors_ = std::move(restored);
    else if (best_.epoch == history.back().epoch)
        best_tensors_ = model_.tensors();
    for (const TrainStage::Checkpoint* checkpoint : due_) write(*checkpoint, best_, best_tensors_);
}

void CheckpointKeeper::epoch_done(const EpochMetrics& metrics) {
    if (planned_.checkpoints.empty()) return;
    history_.push_back(metrics);
    if (kept_of(history_, metrics.epoch).epoch == metrics.epoch) {
        best_ = metrics;
        if (keeps_best()) best_tensors_ = model_.tensors();
    }
    const bool at_end = has_ended(planned_.trial, history_);
    for (const TrainStage::Checkpoint& checkpoint : planned_.checkpoints) {
        if (!reaches(checkpoint, metrics.epoch) || (!at_end && checkpoint.trial.epochs != metrics.epoch)) continue;
        write(checkpoint, best_, keeps_best() ? best_tensors_ : model_.tensors());
    }
}

void CheckpointKeeper::save() {
    if (!keeps_best() || best_tensors_.empty()) return;
    for (const TrainStage::Checkpoint& checkpoint : planned_.checkpoints)
        if (reaches(checkpoint, history_.back().epoch)) write(checkpoint, best_, best_tensors_);
}

void CheckpointKeeper::write(const TrainStage::Checkpoint& checkpoint, const EpochMetrics& metrics,
                             const TensorMap& tensors) {
    int& kept = kept_[checkpoint.trial.id];
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

static TrainStage::Trajectory with_phase_ends_kept(TrainStage::Trajectory planned) {
    planned.keep = Keep::last;
    planned.checkpoints = planned.phase_ends;
    return planned;
}

TrainedWeights::TrainedWeights(const TrainStage::Trajectory& planned, const Model& model,
                               const std::map<std::string, std::string>& about)
    : ends_(with_phase_ends_kept(planned)), kept_(planned, model, about), phase_ends_(ends_, model, about) {}

bool TrainedWeights::can_go_on(const std::vector<EpochMetrics>& history) {
    return kept_.can_go_on(history) && phase_ends_.can_go_on(history);
}

void TrainedWeights::go_on(const std::vector<EpochMetrics>& history, TensorMap restored) {
    kept_.go_on(history, std::move(restored));
    phase_ends_.go_on(history);
}

void TrainedWeights::epoch_done(const EpochMetrics& metrics) {
    kept_.epoch_done(metrics);
    phase_ends_.epoch_done(metrics);
}

}  // namespace thaw
