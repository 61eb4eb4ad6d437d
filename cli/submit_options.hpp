// The options of `thaw submit`, and how those of `thaw run` get through it into the job.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "coordinator/launch/slurm.hpp"

namespace thaw {

void add_slurm_options(CLI::App& command, SlurmJob& job);

/// Those of the options that were given (on the command line or by the environment), as words that give them again.
std::vector<std::string> given_words(const std::vector<CLI::Option*>& options);

}  // namespace thaw
