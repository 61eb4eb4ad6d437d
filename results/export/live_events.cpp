#include "results/export/live_events.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <fstream>
#include <system_error>

#include "common/util/error.hpp"
#include "results/export/export_tensorboard.hpp"
#include "results/store/database.hpp"

namespace thaw {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFile = "events.out.tfevents.live";

double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

LiveEvents::LiveEvents(fs::path folder) : folder_(std::move(folder)) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error)
        throw UserError("cannot make the folder {}: {}; choose another one with --live", folder_.string(),
                        error.message());
}

void LiveEvents::epoch_done(const std::string& trial, const EpochRecord& epoch) {
    const bool is_new = !written_.contains(trial);
    if (epoch.epoch <= written_[trial]) return;
    std::error_code ignored;
    fs::create_directories(folder_ / trial, ignored);
    // Of an invocation before this one: its epochs come from the results at the end.
    std::ofstream file(folder_ / trial / kFile, std::ios::binary | (is_new ? std::ios::trunc : std::ios::app));
    if (is_new) file << tensorboard_start(now());
    file << tensorboard_epoch(now(), epoch) << std::flush;
    written_[trial] = epoch.epoch;
    if (!file && !warned_) spdlog::warn("{}: cannot be written; TensorBoard will not show all", folder_.string());
    warned_ = warned_ || !file;
}

void LiveEvents::finish(const fs::path& database) {
    std::error_code ignored;
    for (const auto& [trial, epoch] : written_) fs::remove(folder_ / trial / kFile, ignored);
    export_tensorboard(open_results(database), folder_);
}

}  // namespace thaw
