// The kinds of error thaw knows, split by who has to act on them.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace thaw {

/// What the kinds have in common: made of a text, or of a format and its arguments.
class FormattedError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
    template <typename... Args>
    explicit FormattedError(fmt::format_string<Args...> format, Args&&... args) requires(sizeof...(Args) > 0)
        : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)) {}
};

/// The input is wrong: the message says where, what was found and how to mend it. Ends the program with exit code 2,
/// before any work starts.
class UserError : public FormattedError {
    using FormattedError::FormattedError;
};

/// One stage cannot be done (an unreadable image, NaN, out of memory): its trials fail with this message, the rest go
/// on.
class StageError : public FormattedError {
    using FormattedError::FormattedError;
};

/// What is to be written finds no room, or may not be written (disk full, quota, read-only): nothing is wrong with the
/// sweep or its trials. It stops in order and ends with exit code 75; the same command goes on once there is room.
class StorageError : public FormattedError {
    using FormattedError::FormattedError;
};

/// A bug of thaw: prints the message with what this process is working on (in_flight.hpp), leaves a crash report, and
/// ends the process, and with it, under MPI, the world.
[[noreturn]] void fail_internally(const std::string& message);
/// How the process ends then; without, it aborts. `end` does not return.
void on_internal_error(void (*end)());
/// The same for a broken invariant.
[[noreturn]] void fail_check(const char* condition, const char* file, int line, const std::string& message);

}  // namespace thaw

/// An invariant of thaw itself; a failure is a bug, never the user's fault. THAW_CHECK(condition, "format", args...).
#define THAW_CHECK(condition, ...)                                                        \
    do {                                                                                  \
        if (!(condition)) [[unlikely]]                                                    \
            ::thaw::fail_check(#condition, __FILE__, __LINE__, fmt::format(__VA_ARGS__)); \
    } while (false)
