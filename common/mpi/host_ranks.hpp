// What the ranks on one host tell each other at the start.
#pragma once

#include <vector>

namespace thaw {

/// The numbers of every rank on this host, in order of rank; `self` becomes this rank's place among them. Collective
/// over all ranks; MPI must run.
std::vector<std::vector<int>> gather_on_host(const std::vector<int>& numbers, int& self);

}  // namespace thaw
