// A worker: one rank's loop that runs the stages which the coordinator sends it.
#pragma once

#include <string>

#include "common/channel.hpp"
#include "worker/stage_context.hpp"

namespace thaw {

/// Serves until a Stop arrives; then what runs is dropped and the coordinator gets a Goodbye. `threads` independent
/// pieces of work run at once. `make_group`: of ranks that work on one stage together; without it no stage may want
/// several.
void serve(Channel& channel, int threads, Groups::Maker make_group = {});

}  // namespace thaw
