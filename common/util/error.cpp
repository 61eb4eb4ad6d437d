#include "common/util/error.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "common/util/in_flight.hpp"

namespace thaw {
namespace {

std::atomic<void (*)()> end_process = nullptr;

}  // namespace

void on_internal_error(void (*end)()) {
    end_process = end;
}

void fail_internally(const std::string& message) {
    const std::string where = in_flight_text();
    fmt::print(stderr, "thaw: internal error{}{}: {}\n", where.empty() ? "" : " in ", where, message);
    std::fflush(stderr);
    if (void (*end)() = end_process) {
        write_crash_report("internal error: " + message);
        end();
    }
    std::abort();
}

void fail_check(const char* condition, const char* file, int line, const std::string& message) {
    fail_internally(fmt::format("{} ({}, {}:{})", message, condition, file, line));
}

}  // namespace thaw
