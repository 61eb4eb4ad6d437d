// Files of cluster/ that the program prints or writes, as they stand there; made by CMake.
#pragma once

#include <string_view>

namespace thaw {

extern const std::string_view kSweepSbatch;  // cluster/sweep.sbatch
extern const std::string_view kClusterHelp;  // cluster/help.txt

}  // namespace thaw
