// The Python that checks thaw's files by other tools.
#pragma once

#include <cstdlib>
#include <string>

namespace thaw {

/// THAW_PYTHON, which `./check` sets by tests/support/python_tools; empty: not set.
inline std::string python_with_tools() {
    const char* named = std::getenv("THAW_PYTHON");
    return named ? named : "";
}

inline std::string python_for_checks() {
    const std::string named = python_with_tools();
    return named.empty() ? "python3" : named;
}

/// Whether a check that ended with this code may be skipped: it found no tools, and nobody said that they are there.
inline bool lacks_tools(int exit_code) {
    constexpr int kNoTools = 77, kNoPython = 127;
    return (exit_code == kNoTools || exit_code == kNoPython) && python_with_tools().empty();
}

}  // namespace thaw
