// Log lines for code that must not see spdlog's headers: where LibTorch brings an fmt of its own they do not compile.
#pragma once

#include <string>

namespace thaw {

void log_info(const std::string& message);
void log_warning(const std::string& message);

}  // namespace thaw
