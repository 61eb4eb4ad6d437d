// What the program's end tells who started it.
#pragma once

#include <exception>

namespace thaw {

enum ExitCode : int {
    kDone = 0,
    kSomeTrialsFailed = 1,
    kWrongInput = 2,
    kInterrupted = 75,  // the same command goes on; sysexits.h's EX_TEMPFAIL, which queues know as "try again"
};

/// The exit code that an error stands for which ends the program.
ExitCode usual_exit_code(const std::exception& error);

}  // namespace thaw
