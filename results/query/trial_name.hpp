// Trials as people name them: by the first digits of their id, as many as it takes.
#pragma once

#include <string>

#include "results/store/database.hpp"

namespace thaw {

/// The id that begins so. Throws UserError where none does (it names the nearest), or several do (it lists them).
std::string find_trial(const Database& database, const std::string& beginning);

/// "mobilenet_v2, freeze all, learning rate 0.001": on the axes that vary among trials.
std::string describe_trial(const Database& database, const std::string& id);

}  // namespace thaw
