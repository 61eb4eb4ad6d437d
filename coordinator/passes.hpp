// The passes that turn a plan without sharing into the plan that runs; in this order.
#pragma once

#include <vector>

#include "coordinator/plan.hpp"

namespace thaw {

struct PassContext {
    const Inputs& inputs;
    GraphCache& graphs;
};

/// A pass changes the plan and says in one sentence what it found. A new one is a file passes/NAME.cpp, a line here and
/// a line in the table of make_plan.
using Pass = std::string (*)(Plan& plan, PassContext& context);

/// An image is decoded and resized once per size, for all backbones and trials.
std::string share_decode(Plan& plan, PassContext& context);
/// One forward pass per backbone, weights and size yields every cut that any trial needs.
std::string share_prefix(Plan& plan, PassContext& context);
/// Trials that differ only in epochs are points on one trajectory, trained once to the last of them.
std::string merge_epochs(Plan& plan, PassContext& context);
/// Predicts seconds, bytes and memory of each stage.
std::string predict_cost(Plan& plan, PassContext& context);

}  // namespace thaw
