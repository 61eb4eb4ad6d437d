#include "coordinator/dispatch/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace thaw {

std::string duration_text(double seconds) {
    const auto whole = static_cast<long>(seconds + 0.5);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

ProgressDisplay::Mode ProgressDisplay::mode_for(std::FILE* out, bool quiet) {
    if (quiet) return Mode::quiet;
    return ::isatty(::fileno(out)) ? Mode::live : Mode::lines;
}

void ProgressDisplay::begin(int trials, double core_seconds) {
    began_ = shown_ = Clock::now();
    trials_ = trials;
    total_seconds_ = core_seconds;
}

void ProgressDisplay::stage_started(int stage, const std::string& kind, double core_seconds) {
    running_[stage] = {kind, core_seconds, 0, Clock::now()};
    changed_ = true;
}

void ProgressDisplay::images_done(int stage, std::int64_t images) {
    const auto found = running_.find(stage);
    if (found == running_.end()) return;
    found->second.images = std::max(found->second.images, images);
    changed_ = true;
}

void ProgressDisplay::stage_ended(int stage) {
    const auto found = running_.find(stage);
    if (found == running_.end()) return;
    done_seconds_ += found->second.core_seconds;
    running_.erase(found);
    changed_ = true;
}

std::map<int, double> ProgressDisplay::under_way() const {
    std::map<int, double> seconds;
    for (const auto& [index, stage] : running_)
        seconds[index] = std::chrono::duration<double>(Clock::now() - stage.started).count();
    return seconds;
}

void ProgressDisplay::trial_finished(double validation_accuracy, const std::string& name) {
    ++finished_;
    changed_ = true;
    if (validation_accuracy <= best_) return;
    best_ = validation_accuracy;
    best_name_ = name;
}

void ProgressDisplay::trial_failed() {
    ++failed_;
    changed_ = true;
}

void ProgressDisplay::trial_stopped() {
    ++stopped_;
    changed_ = true;
}

std::string ProgressDisplay::line() const {
    const double elapsed = std::chrono::duration<double>(Clock::now() - began_).count();
    std::string text = fmt::format("{}/{} trials", finished_, trials_);
    if (stopped_) text += fmt::format(", {} stopped early", stopped_);
    if (failed_) text += fmt::format(", {} failed", failed_);
    for (const auto& [number, stage] : running_) {
        if (stage.images == 0) continue;
        const double seconds = std::chrono::duration<double>(Clock::now() - stage.started).count();
        text += fmt::format(" | {} {:.0f} images/s", stage.kind,
                            static_cast<double>(stage.images) / std::max(seconds, 1e-3));
        break;
    }
    // The prediction gives the proportions of the work, the clock the speed.
    if (done_seconds_ > 0 && done_seconds_ < total_seconds_)
        text += fmt::format(" | {} left", duration_text(elapsed * (total_seconds_ - done_seconds_) / done_seconds_));
    if (best_ >= 0) text += fmt::format(" | best {:.3f} {}", best_, best_name_);
    return text;
}

void ProgressDisplay::refresh(bool now) {
    if (mode_ == Mode::quiet || !changed_) return;
    const auto pause = mode_ == Mode::live ? std::chrono::milliseconds(200) : std::chrono::milliseconds(3000);
    if (!now && Clock::now() - shown_ < pause) return;
    shown_ = Clock::now();
    changed_ = false;
    if (mode_ == Mode::live)
        fmt::print(out_, "\r\033[K{:.{}}", line(), 110);
    else
        fmt::print(out_, "{}\n", line());
    std::fflush(out_);
}

void ProgressDisplay::clear() {
    if (mode_ == Mode::live) fmt::print(out_, "\r\033[K");
    std::fflush(out_);
}

}  // namespace thaw
