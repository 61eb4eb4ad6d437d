// How an invocation of `thaw run` ended, as results.db stores it, and what a user can do about it.
#pragma once

#include <optional>
#include <string>

#include "common/util/names.hpp"

namespace thaw {

/// Without one an invocation is running, or was killed and no later one has found that yet.
enum class RunOutcome {
    ok,           // all trials have ended: finished, pruned or failed
    interrupted,  // by a signal, or because a rank was lost
    killed,       // it could not say so itself: a later invocation did
    wrong_input,  // nothing helps but another input
    no_space,     // a disk is full
};

const NameTable<RunOutcome>& names_of(RunOutcome);

/// Nothing for a column that is NULL.
std::optional<RunOutcome> read_outcome(const std::string& word);

/// "The run was interrupted. Run the same command again to resume it."; empty for ok. `message`: the error that ended
/// it, where it is known.
std::string outcome_text(RunOutcome outcome, const std::string& message);

}  // namespace thaw
