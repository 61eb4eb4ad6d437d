#include "common/util/in_flight.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>

namespace thaw {
namespace {

namespace fs = std::filesystem;

struct Stage {
    std::string name, trials;  // ids, with a space before each
};

// A signal handler may only read what is there already: stages stand in slots, texts are written beforehand. All others
// hold the mutex, so that no stage ends while they read it.
std::mutex mutex;
constexpr int kSlots = 256;  // more than a rank has threads; a stage beyond them is not named
std::array<std::atomic<const Stage*>, kSlots> slots;
thread_local int slot_of_thread = -1;

std::array<char, 4096> report_path;  // empty: no reports are wanted
std::atomic<int> this_rank = -1;

struct Signal {
    int number;
    const char* name;
};
constexpr Signal kSignals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}, {SIGABRT, "SIGABRT"}};
std::array<struct sigaction, std::size(kSignals)> handlers_before;

void write_text(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file, text.data(), text.size());
        if (written <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

/// Safe in signal handlers.
void write_report(std::string_view reason) noexcept {
    if (report_path[0] == '\0') return;
    const int file = ::open(report_path.data(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
    if (file < 0) return;
    write_text(file, reason);
    write_text(file, "\n");
    for (const auto& slot : slots)
        if (const Stage* stage = slot) write_text(file, stage->trials);
    write_text(file, "\n");
    ::close(file);
}

void report_and_pass_on(int number) {
    for (std::size_t i = 0; i < std::size(kSignals); ++i) {
        if (kSignals[i].number != number) continue;
        write_report(kSignals[i].name);
        ::sigaction(number, &handlers_before[i], nullptr);
    }
    ::raise(number);
}

std::string report_prefix() {
    return "crashed-";
}

}  // namespace

InFlight::InFlight(const std::string& name, const std::vector<std::string>& trials) : slot_(-1) {
    std::string ids;
    for (const std::string& id : trials) ids += ' ' + id;
    auto* stage = new Stage{name, ids};
    const std::lock_guard lock(mutex);
    for (int slot = 0; slot < kSlots && slot_ < 0; ++slot) {
        const Stage* empty = nullptr;
        if (slots[static_cast<std::size_t>(slot)].compare_exchange_strong(empty, stage)) slot_ = slot;
    }
    if (slot_ < 0) delete stage;
    slot_of_thread = slot_;
}

InFlight::~InFlight() {
    const std::lock_guard lock(mutex);
    slot_of_thread = -1;
    if (slot_ >= 0) delete slots[static_cast<std::size_t>(slot_)].exchange(nullptr);
}

std::string in_flight_text() {
    const std::lock_guard lock(mutex);
    std::string text = this_rank >= 0 ? fmt::format("rank {}", this_rank.load()) : "";
    for (int slot = 0; slot < kSlots; ++slot) {
        const Stage* stage = slots[static_cast<std::size_t>(slot)];
        if (!stage || (slot_of_thread >= 0 && slot != slot_of_thread)) continue;
        text += (text.empty() ? "" : ", ") + stage->name;
        if (!stage->trials.empty())
            text += (stage->trials.find(' ', 1) == std::string::npos ? ", trial" : ", trials") + stage->trials;
    }
    return text;
}

void report_crashes(const fs::path& folder, int rank) {
    const std::string path = (folder / (report_prefix() + std::to_string(rank))).string();
    if (path.size() >= report_path.size() || path == report_path.data()) return;
    const std::lock_guard lock(mutex);
    std::memcpy(report_path.data(), path.c_str(), path.size() + 1);
    const bool installed = this_rank.exchange(rank) >= 0;
    for (std::size_t i = 0; i < std::size(kSignals) && !installed; ++i) {
        struct sigaction action = {};
        action.sa_handler = report_and_pass_on;
        action.sa_flags = SA_ONSTACK;
        ::sigaction(kSignals[i].number, &action, &handlers_before[i]);
    }
}

void write_crash_report(std::string_view reason) noexcept {
    const std::lock_guard lock(mutex);
    write_report(reason);
}

void withdraw_crash_report() noexcept {
    if (report_path[0] != '\0') ::unlink(report_path.data());
}

std::vector<CrashReport> read_crash_reports(const fs::path& folder) {
    std::vector<CrashReport> reports;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(report_prefix())) continue;
        std::ifstream file(entry.path());
        CrashReport report;
        std::string reason, line;
        std::getline(file, reason);
        std::getline(file, line);
        report.reason = fmt::format("rank {}: {}", name.substr(report_prefix().size()), reason);
        std::istringstream ids(line);
        for (std::string id; ids >> id;) report.trials.push_back(id);
        reports.push_back(std::move(report));
    }
    return reports;
}

void remove_crash_reports(const fs::path& folder) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.path().filename().string().starts_with(report_prefix())) fs::remove(entry.path(), ignored);
}

}  // namespace thaw
