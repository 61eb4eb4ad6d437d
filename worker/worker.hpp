// A worker: one rank's loop that runs the stages which the coordinator sends it.
#pragma once

#include <chrono>
#include <functional>

#include "common/trial/channel.hpp"
#include "common/util/silence.hpp"
#include "worker/network/stage_context.hpp"

namespace thaw {

struct ServeOptions {
    int rank = 0;                                           // this one's number in the world
    int threads = 1;                                        // independent pieces of work that run at once
    std::chrono::milliseconds patience = usual_patience();  // with a coordinator that is not heard of
    std::function<void()> coordinator_lost = [] {};         // is called then, and serving ends
    Groups::Maker make_group = {};                          // without it no stage may want several ranks
};

/// Serves until a Stop arrives and what runs has ended, as the Stop says; then the coordinator gets a Goodbye.
/// Stages run on threads of their own: however busy they are, this one hears orders and shows signs of life.
void serve(Channel& channel, const ServeOptions& options);

}  // namespace thaw
