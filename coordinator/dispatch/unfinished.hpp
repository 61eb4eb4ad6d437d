// What earlier runs of a sweep have left to do.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/trial/inputs.hpp"
#include "coordinator/dispatch/pruner.hpp"
#include "results/store/store.hpp"

namespace thaw {

/// So often the world may die through a trial's fault (Store::deaths) without one more epoch done.
constexpr int kDeathsOfATrial = 3;

struct Unfinished {
    std::vector<Trial> trials;
    std::unordered_map<std::string, int> known_epochs;  // of those among them that were stopped, by id
    std::set<std::string> suspects;     // among them: the world has died while they ran; now they run alone
    std::vector<std::string> finished;  // before; ids
    int stopped = 0;                    // before
    std::set<std::string> given_up;     // marked as failed now: the world has died too often while they ran; ids
};

/// Tells the stopping rule what earlier runs have shown; who was stopped and still would be is left alone.
Unfinished unfinished_of(const std::vector<Trial>& trials, Store& store, Pruner& pruner);

/// With an earlier phase all that would have gone on from it is given up.
void give_up_later_phases(Unfinished& left, const Inputs& inputs, Store& store);

/// " (3 finished before, 2 stopped before)"
std::string before_text(const Unfinished& left);

}  // namespace thaw
