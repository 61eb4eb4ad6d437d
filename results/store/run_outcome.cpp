#include "results/store/run_outcome.hpp"

#include <fmt/format.h>

namespace thaw {

const NameTable<RunOutcome>& names_of(RunOutcome) {
    static const NameTable<RunOutcome> kNames = {{RunOutcome::ok, "ok"},
                                                 {RunOutcome::interrupted, "interrupted"},
                                                 {RunOutcome::killed, "killed"},
                                                 {RunOutcome::wrong_input, "wrong input"},
                                                 {RunOutcome::no_space, "no space"}};
    return kNames;
}

std::optional<RunOutcome> read_outcome(const std::string& word) {
    if (word.empty()) return std::nullopt;
    return parse_name("outcome", names_of(RunOutcome()), word);
}

std::string outcome_text(RunOutcome outcome, const std::string& message) {
    const std::string because = message.empty() ? "" : ": " + message;
    switch (outcome) {
        case RunOutcome::ok:
            return "";
        case RunOutcome::interrupted:
            return "The run was interrupted. Run the same command again to resume it.";
        case RunOutcome::killed:
            return "The run was killed. Run the same command again to resume it.";
        case RunOutcome::wrong_input:
            return fmt::format(
                "The run stopped at wrong input{}. Correct the input, then run the same command again to resume it.",
                because);
        case RunOutcome::no_space:
            return fmt::format(
                "The run stopped because a disk is full{}. Free some space, then run the same command again to resume "
                "it.",
                because);
    }
    THAW_CHECK(false, "no outcome {}", static_cast<int>(outcome));
}

}  // namespace thaw
