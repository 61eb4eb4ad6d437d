// The trained weights that a trial keeps (`keep: best` or `last`), as files for others to use.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/trial/stage.hpp"
#include "worker/heads/trajectory.hpp"

namespace thaw {

/// For each trial of one training RUN/checkpoints/TRIAL.safetensors: of the epoch that is its result (its last one, or
/// the best by what its early stopping monitors and restores), or of the one with the best validation accuracy, the
/// earliest of several. What is the best so far is written where a snapshot is, and at the
/// training's end: who goes on from the snapshot finds it there.
class CheckpointKeeper {
  public:
    /// `about`: what every file says besides its trial and epoch.
    CheckpointKeeper(const TrainStage::Trajectory& planned, const Model& model,
                     std::map<std::string, std::string> about);

    /// Whether a training may go on behind these epochs: no file is missing whose weights only an earlier epoch had.
    bool can_go_on(const std::vector<EpochMetrics>& history);
    /// It may, and does: the model is as it was after the last of them. `restored`: what it was after the result's
    /// epoch, where that may be another than the last. Throws StorageError.
    void go_on(const std::vector<EpochMetrics>& history, TensorMap restored = {});
    /// To be called after every epoch, before anybody hears of it. Throws StorageError.
    void epoch_done(const EpochMetrics& metrics);
    /// Brings the files up to the latest epoch that was told. Throws StorageError.
    void save();

  private:
    /// Whether the trial is still trained in that epoch.
    static bool reaches(const TrainStage::Checkpoint& checkpoint, int epoch) {
        return checkpoint.trial.epochs >= epoch;
    }
    /// Of the epochs up to `last` the one whose weights are kept.
    const EpochMetrics& kept_of(const std::vector<EpochMetrics>& history, int last) const;
    /// Whether that need not be the last one.
    bool keeps_best() const { return planned_.keep == Keep::best || restores(); }
    bool restores() const { return planned_.keep == Keep::last && planned_.trial.early_stop.restore_best; }
    void write(const TrainStage::Checkpoint& checkpoint, const EpochMetrics& metrics, const TensorMap& tensors);

    const TrainStage::Trajectory& planned_;
    const Model& model_;
    std::map<std::string, std::string> about_;
    std::vector<EpochMetrics> history_;               // up to the latest epoch
    EpochMetrics best_{};                             // what is kept of it; epoch 0: there is none
    TensorMap best_tensors_;                          // where they are not in every file yet
    std::vector<const TrainStage::Checkpoint*> due_;  // to be written of the epoch that the training goes on from
    std::map<std::string, int> kept_;                 // by trial, the epoch whose weights its file has
};

/// Both kinds of files that a training leaves: what its trials keep, and what later phases go on from, which is always
/// the last epoch's. The functions are those of CheckpointKeeper.
class TrainedWeights {
  public:
    TrainedWeights(const TrainStage::Trajectory& planned, const Model& model,
                   const std::map<std::string, std::string>& about);
    TrainedWeights(const TrainedWeights&) = delete;  // phase_ends_ refers to ends_
    TrainedWeights& operator=(const TrainedWeights&) = delete;

    bool can_go_on(const std::vector<EpochMetrics>& history);
    void go_on(const std::vector<EpochMetrics>& history, TensorMap restored = {});
    void epoch_done(const EpochMetrics& metrics);
    void save() { kept_.save(); }

  private:
    TrainStage::Trajectory ends_;  // as if its checkpoints were the phases' ends
    CheckpointKeeper kept_, phase_ends_;
};

}  // namespace thaw
