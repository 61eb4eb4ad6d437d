// The job's script for Slurm, as it stands in cluster/.
#pragma once

namespace thaw {

extern const char* const kSweepSbatch;

}  // namespace thaw
