// A trajectory after one of its epochs, on disk: enough to go on from there as if it had never stopped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/trial/epoch_metrics.hpp"

namespace thaw {

/// What is needed of the best epoch so far, where a training's result is that of its best.
struct BestEpoch {
    std::string state;                // Model::state() after it; empty: nothing is kept of it
    std::vector<int> predicted = {};  // what each validation image was taken for
};

struct Snapshot {
    std::vector<EpochMetrics> history;  // of all epochs so far; never empty
    std::string state;                  // Model::state() after the last of them
    BestEpoch best = {};
    int epoch() const { return history.back().epoch; }
};

/// Writes it under its name at once or not at all, with a checksum; returns its bytes. Throws StageError (no room, not
/// writable). `synced` as AtomicFile::commit has it: whoever finds one that a power cut has damaged trains again.
std::int64_t write_snapshot(const std::filesystem::path& path, const Snapshot& snapshot, bool synced = true);
/// Nothing where there is none, or a damaged one.
std::optional<Snapshot> read_snapshot(const std::filesystem::path& path);

}  // namespace thaw
