// The control messages between the coordinator and workers; small, as JSON on the wire.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/trial/epoch_metrics.hpp"
#include "common/trial/stage.hpp"

namespace thaw {

// worker -> coordinator
struct Hello {
    std::string host;
    int threads = 1;  // how many independent pieces of work the rank runs at once
};
struct Alive {};  // both ways, now and then: the sender is not dead
struct Progress {
    int stage = 0;
    std::int64_t images = 0;  // done so far
};
struct EpochDone {
    int stage = 0;
    int trajectory = 0;  // index into the stage's
    EpochMetrics metrics;
    std::string obsolete = {};  // a snapshot that nobody needs once this is in the results; empty: none
};
struct TrajectoryFailed {  // the stage's others go on
    int stage = 0;
    int trajectory = 0;
    std::string message;
};
struct StageDone {
    int stage = 0;
    double seconds = 0;
    std::int64_t bytes = 0;     // written
    int bad_images = 0;         // decode only
    bool reused = false;        // the output stood there already
    std::int64_t computed = 0;  // images decoded or forwarded; the rows of the others were copied
};
/// What a failed stage takes with it.
enum class FailureScope {
    its_trials,
    sweep,          // the input is wrong (a UserError): nothing else may go on
    sweep_for_now,  // the disk is full, or the like (a StorageError): the same command goes on once there is room
};
struct StageFailed {
    int stage = 0;
    std::string message;
    FailureScope scope = FailureScope::its_trials;
};
struct Goodbye {};  // the answer to Stop: nothing runs any more on this rank

// coordinator -> worker
struct RunStage {
    int stage = 0;
    StageSpec spec;
    std::vector<int> ranks = {};           // that work on it together, ascending; empty: this one alone
    bool leads = true;                     // this one is the first of them, and answers for all
    std::vector<std::string> trials = {};  // ids of those it serves that have no result yet
    std::string reports = {};              // folder where a rank that dies leaves word; empty: nowhere
};
struct Stop {                  // answer Goodbye once nothing runs any more
    bool after_epoch = false;  // trainings finish the epoch they are at; without, and all else: drop what runs
};

using Message =
    std::variant<Hello, Alive, Progress, EpochDone, TrajectoryFailed, StageDone, StageFailed, Goodbye, RunStage, Stop>;

std::string serialize(const Message& message);
/// Throws StageError on text that serialize() does not write.
Message deserialize(const std::string& text);

}  // namespace thaw
