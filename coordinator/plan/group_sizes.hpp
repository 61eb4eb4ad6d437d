// How many ranks train a trial together.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "coordinator/plan/plan.hpp"

namespace thaw {

/// Decided from all trials of the sweep, whatever of them is finished, and from nothing that is measured: sums over
/// more ranks round in another way, and a sweep that was interrupted must give what an undisturbed one gives.
class GroupSizes {
  public:
    /// `ranks_per_trial`: of every trial that trains more than a head; 0: as many as its share of all the work, a
    /// power of two, where that saves more than the sums of gradients cost.
    GroupSizes(const std::vector<Trial>& sweep, const RunInputs& inputs, GraphCache& graphs, int ranks_per_trial);

    /// Heads on kept features train on one: a step of theirs is quicker than a sum over ranks.
    int of(const Trial& trial, const Inputs& inputs) const;

  private:
    int fixed_ = 1;
    std::unordered_map<std::string, int> by_trajectory_;  // of those with more than one
};

}  // namespace thaw
