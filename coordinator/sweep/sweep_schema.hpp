// The JSON Schema of sweep files: editors complete and check them by it.
#pragma once

#include <string>

#include "coordinator/sweep/axes.hpp"

namespace thaw {

/// Draft 7 (https://json-schema.org/draft-07), as the YAML servers of editors read it. Every axis of axis_kinds() is in
/// it, with the vocabulary's names. What it accepts may still be wrong in ways that no schema can say; what it refuses,
/// read_sweep() refuses.
std::string sweep_schema(const Vocabulary& vocabulary);

}  // namespace thaw
