// What a trial says with words that the first versions of thaw did not have.
#pragma once

#include <string>

#include "common/trial/trial.hpp"

namespace thaw {

/// As far as it differs from struct Trial's defaults, and decides the trial's result; empty where nothing does. Equal
/// for two trials exactly where all of that is. Part of ids: trials from before those words keep theirs.
std::string later_settings(const Trial& trial);

}  // namespace thaw
