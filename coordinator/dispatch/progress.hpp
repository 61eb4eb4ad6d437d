// What a person sees while a sweep runs: one live line on a terminal, a line every few seconds elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

namespace thaw {

class ProgressDisplay {
  public:
    enum class Mode { quiet, lines, live };

    /// `live` only where `out` is a terminal.
    static Mode mode_for(std::FILE* out, bool quiet);

    ProgressDisplay(std::FILE* out, Mode mode) : out_(out), mode_(mode) {}
    ~ProgressDisplay() { clear(); }

    /// Totals: trials of this run, and predicted core-seconds of all its stages.
    void begin(int trials, double core_seconds);
    void stage_started(int stage, const std::string& kind, double core_seconds);
    void images_done(int stage, std::int64_t images);
    void stage_ended(int stage);
    void trial_finished(double validation_accuracy, const std::string& name);
    void trial_failed();
    void trial_stopped();
    /// Shows what is new, if it is time to.
    void refresh(bool now = false);
    /// Stages that have started and not ended, by index: for how long, in seconds.
    std::map<int, double> under_way() const;
    /// Takes the live line away.
    void clear();

  private:
    using Clock = std::chrono::steady_clock;
    struct Stage {
        std::string kind;
        double core_seconds;
        std::int64_t images = 0;
        Clock::time_point started;
    };
    std::string line() const;

    std::FILE* out_;
    Mode mode_;
    Clock::time_point began_ = Clock::now(), shown_{};
    int trials_ = 0, finished_ = 0, failed_ = 0, stopped_ = 0;
    double total_seconds_ = 0, done_seconds_ = 0;  // predicted
    std::map<int, Stage> running_;
    double best_ = -1;
    std::string best_name_;
    bool changed_ = false;
};

/// "45 s", "3 min 20 s", "2 h 05 min".
std::string duration_text(double seconds);

}  // namespace thaw
