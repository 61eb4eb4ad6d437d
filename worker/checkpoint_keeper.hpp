// The trained weights that a trial keeps (`keep: best` or `last`), as files for others to use, and those that later
// phases go on from.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/stage.hpp"
#include "worker/train/trajectory.hpp"

namespace thaw {

/// For each trial of one training RUN/checkpoints/TRIAL.safetensors: of its last epoch, or of the one with the best
/// validation accuracy, the earliest of several. What is the best so far is written where a snapshot is, and at the
/// training's end: who goes on from the snapshot finds it there.
class CheckpointKeeper {
  public:
    /// `about`: what every file says besides its trial and epoch.
    CheckpointKeeper(const TrainStage::Trajectory& planned, const Model& model,
                     std::map<std::string, std::string> about);

    /// Whether a training may go on behind these epochs: no file is missing whose weights only an earlier epoch had.
    bool can_go_on(const std::vector<EpochMetrics>& history);
    /// It may, and does: the model is as it was after the last of them. Throws StorageError.
    void go_on(const std::vector<EpochMetrics>& history);
    /// To be called after every epoch, before anybody hears of it. Throws StorageError.
    void epoch_done(const EpochMetrics& metrics);
    /// Brings the files up to the latest epoch that was told. Throws StorageError.
    void save();

  private:
    struct Wanted {
        const TrainStage::Checkpoint* checkpoint;
        Keep keep;
    };
    /// Whether the trial is still trained in that epoch.
    static bool reaches(const TrainStage::Checkpoint& checkpoint, int epoch) {
        return checkpoint.trial.epochs >= epoch;
    }
    void write(const TrainStage::Checkpoint& checkpoint, const EpochMetrics& metrics, const TensorMap& tensors);

    const TrainStage::Trajectory& planned_;
    const Model& model_;
    std::map<std::string, std::string> about_;
    EpochMetrics best_{};     // epoch 0: there is none
    TensorMap best_tensors_;  // where they are not in every file yet
    int epoch_ = 0;           // the latest
    std::vector<Wanted> wanted_;
    bool wants_best_ = false;
    std::vector<const TrainStage::Checkpoint*> due_;  // to be written of the epoch that the training goes on from
    std::map<std::string, int> kept_;                 // by path, the epoch whose weights its file has
};

}  // namespace thaw
