#include "common/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace thaw {

void fail_check(const char* condition, const char* file, int line, const std::string& message) {
    fmt::print(stderr, "thaw: internal error at {}:{}: {} ({})\n", file, line, message, condition);
    std::fflush(stderr);
    std::abort();
}

}  // namespace thaw
