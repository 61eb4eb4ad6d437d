// A worker: one rank's loop that runs the stages which the coordinator sends it.
#pragma once

#include <string>

#include "common/channel.hpp"

namespace thaw {

/// Serves until a Stop arrives; then what runs is dropped and the coordinator gets a Goodbye. `threads` independent
/// pieces of work run at once.
void serve(Channel& channel, int threads);

}  // namespace thaw
