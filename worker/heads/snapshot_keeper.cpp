#include "worker/heads/snapshot_keeper.hpp"

#include <filesystem>
#include <optional>

#include "common/util/cache_folder.hpp"
#include "common/util/error.hpp"
#include "common/util/log.hpp"

namespace thaw {

namespace fs = std::filesystem;

SnapshotKeeper::SnapshotKeeper(const TrainStage::Trajectory& planned, const Model& model, std::int64_t cache_budget)
    : planned_(planned), model_(model), cache_budget_(cache_budget) {}

std::optional<Snapshot> SnapshotKeeper::find() const {
    if (planned_.resume.empty()) return std::nullopt;
    auto snapshot = read_snapshot(planned_.resume);
    if (!snapshot || snapshot->epoch() > planned_.trial.epochs) return std::nullopt;
    if (planned_.trial.early_stop.restore_best && snapshot->best.state.empty()) return std::nullopt;
    return snapshot;
}

void SnapshotKeeper::resume(const Snapshot& snapshot) {
    history_ = snapshot.history;
    current_ = planned_.resume;
    current_epoch_ = snapshot.epoch();
    saved_ = epoch_began_ = Clock::now();
}

void SnapshotKeeper::epoch_done(const EpochMetrics& metrics) {
    history_.push_back(metrics);
    trained_ = true;
    const auto now = Clock::now();
    const auto next_end = now + (now - epoch_began_);
    if (at_end()) {
        if (!planned_.keep_last.empty() && (bytes_kept_ = write(planned_.keep_last)) > 0 && cache_budget_ > 0)
            CacheFolder(fs::path(current_).parent_path()).give_back(current_);
    } else if (!planned_.snapshot_key.empty() && next_end - saved_ >= kLongestLoss) {
        leave();
    }
    epoch_began_ = Clock::now();
}

void SnapshotKeeper::leave() {
    if (planned_.snapshot_key.empty() || abandoned_ || history_.empty() || at_end()) return;
    if (current_epoch_ == history_.back().epoch) return;
    const SnapshotName name{planned_.snapshot_key, history_.back().epoch};
    write((fs::path(planned_.snapshot_folder) / name.file()).string());
    saved_ = Clock::now();
}

std::string SnapshotKeeper::obsolete() const {
    // What was there before and nothing was trained on top of is another sweep's.
    return trained_ && at_end() && planned_.keep_last.empty() ? current_ : std::string();
}

std::int64_t SnapshotKeeper::write(const std::string& path) {
    before_write();
    const Snapshot snapshot{history_, model_.state(), best ? *best : BestEpoch{}};
    std::int64_t bytes = 0;
    try {
        std::optional<FileLock> room;
        if (cache_budget_ > 0)
            room = CacheFolder(fs::path(path).parent_path(), cache_budget_)
                       .make_room(static_cast<std::int64_t>(snapshot.state.size() + snapshot.best.state.size()));
        bytes = write_snapshot(path, snapshot, at_end());
    } catch (const StageError& error) {
        if (!warned_) log_warning(std::string(error.what()) + "; without a snapshot, who goes on trains again");
        warned_ = true;
        return 0;
    }
    std::error_code gone;
    if (!current_.empty() && current_ != path) fs::remove(current_, gone);
    current_ = path;
    current_epoch_ = history_.back().epoch;
    return bytes;
}

}  // namespace thaw
