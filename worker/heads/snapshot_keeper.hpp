// The snapshots of one training: which it goes on from, when it writes one, and which may go.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/trial/stage.hpp"
#include "worker/heads/trajectory.hpp"

namespace thaw {

/// Between a training's start and its end one snapshot of it lies in the cache, and an older one until the new one has
/// its name. Those in flight are not forced to the disk: they are safe from every kill, a power cut may cost more. One
/// that cannot be written costs nothing but time: a warning, and the training goes on.
class SnapshotKeeper {
  public:
    /// `cache_budget`: of the folder where snapshots lie; 0: it is a folder of this run alone.
    SnapshotKeeper(const TrainStage::Trajectory& planned, const Model& model, std::int64_t cache_budget);

    /// Is called before a snapshot is written: what belongs to it must stand before it does.
    std::function<void()> before_write = [] {};

    /// Where the training's result is that of its best epoch: what goes into snapshots of it.
    std::shared_ptr<const BestEpoch> best = nullptr;

    /// What the training could go on from; nothing where it begins.
    std::optional<Snapshot> find() const;
    /// It does go on from there.
    void resume(const Snapshot& snapshot);
    /// To be called after every epoch that was trained here, before anybody hears of it.
    void epoch_done(const EpochMetrics& metrics);
    /// To be called where the training is left at an epoch's end, whichever that is.
    void leave();
    /// To be called where the model has failed: it is not as it was after the last epoch.
    void abandon() { abandoned_ = true; }

    /// The file that is of no use once the last epoch is in the results; empty: none, or the training is not at its
    /// end.
    std::string obsolete() const;
    /// Of the snapshot that stays behind.
    std::int64_t bytes_kept() const { return bytes_kept_; }

  private:
    using Clock = std::chrono::steady_clock;

    bool at_end() const { return has_ended(planned_.trial, history_); }
    /// The snapshot takes the place of the one before.
    std::int64_t write(const std::string& path);

    const TrainStage::Trajectory& planned_;
    const Model& model_;
    std::int64_t cache_budget_;
    std::vector<EpochMetrics> history_;
    std::string current_;  // where the latest snapshot lies; empty: there is none
    int current_epoch_ = 0;
    Clock::time_point saved_ = Clock::now(), epoch_began_ = saved_;
    std::int64_t bytes_kept_ = 0;
    bool trained_ = false, abandoned_ = false, warned_ = false;
};

}  // namespace thaw
