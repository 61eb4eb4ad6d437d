// What this process is working on, and word of it that outlives the process: crash reports.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

/// A stage under way on this thread, from construction to destruction. What dies meanwhile can say what it was doing.
class InFlight {
  public:
    /// `name` is for people ("stage 7 (train)"); `trials` are the ids of the trials that the stage serves.
    InFlight(const std::string& name, const std::vector<std::string>& trials);
    ~InFlight();
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

  private:
    int slot_;
};

/// "rank 1, stage 7 (train), trial 3f2a": this thread's stage; for a thread without one, all stages under way.
std::string in_flight_text();

/// Names this process in messages ("rank 1"), and leaves a report in `folder` when a signal that programs bring on
/// themselves ends it (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT). What handled these signals before does so afterwards.
/// May be called again, for another folder.
void report_crashes(const std::filesystem::path& folder, int rank);

/// Writes the report now, in place of an earlier one: this process is going to end, or may. Without a folder it does
/// nothing.
void write_crash_report(std::string_view reason) noexcept;
/// The process goes on, and the report is not true any more.
void withdraw_crash_report() noexcept;

struct CrashReport {
    std::string reason;               // "rank 1: signal SIGSEGV"
    std::vector<std::string> trials;  // that were in flight in that process
};

/// Those that earlier processes have left in `folder`.
std::vector<CrashReport> read_crash_reports(const std::filesystem::path& folder);
void remove_crash_reports(const std::filesystem::path& folder);

}  // namespace thaw
