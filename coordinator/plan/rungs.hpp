// Decides which trials of a search go on and which stop: a pure machine whose decisions depend on results alone.
//
// A checkpoint ("rung") asks its entrants, the trials that went on at all rungs before, for their validation accuracy.
// A trial's fate is decided as soon as no result that is still to come could change it, so that nothing waits longer
// than it must, and the order in which results arrive changes when a decision comes but never what it is.
//
// Halving compares trials of equal `epochs`, each such group on rungs of its own. Median stopping compares all that
// would go on from an epoch.
//
// Stopped means paused: whoever gives the same results to the rungs of a larger search (more trials) may hear go_on for
// a trial that stopped in the smaller one, and may hear stop for one that has gone on since.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/trial/epoch_metrics.hpp"
#include "coordinator/sweep/search.hpp"

namespace thaw {

/// The epochs at which a trial of that many epochs is judged, ascending; all are less than `epochs`, where it ends.
std::vector<int> rung_epochs(const StoppingRule& rule, int epochs);

/// How many of so many entrants a rung lets go on; of the median rule a guess.
int usual_places(const StoppingRule& rule, int entrants);

struct Entrant {
    std::string id;  // the trial's: decides between equal results
    int epochs = 0;  // if it is never stopped
};

/// What a trial has shown up to a rung; accuracies in [0, 1].
struct RungResult {
    double accuracy = 0, loss = 0;  // validation, at the rung's epoch
    double best = 0, mean = 0;      // of the validation accuracies of all epochs up to it
    bool failed = false;            // before this rung: worse than any result, here and at all later rungs
};

/// From the metrics of epochs 1, 2, ... in this order, the last being the rung's.
RungResult rung_result(const std::vector<EpochMetrics>& epochs);

struct Decision {
    int trial;  // index into the entrants
    int epoch;  // the rung's
    bool go_on;
    auto operator<=>(const Decision&) const = default;
};
using Decisions = std::vector<Decision>;

class Rungs {
  public:
    /// All trials of the search, whatever has become of them so far.
    Rungs(const StoppingRule& rule, std::vector<Entrant> trials);
    ~Rungs();

    /// A trial has reached (or failed to reach) this epoch, one of its rungs. Results may come in any order, also those
    /// of a later rung before those of an earlier one, and of trials that stopped there. Returns the decisions that
    /// this makes certain; each of a trial's rungs is decided once, from the first to the one where it stops.
    Decisions report(int trial, int epoch, const RungResult& result);

    /// What is judged at one epoch; see rungs.cpp.
    class Rung;

  private:
    struct Trial {
        const std::vector<int>* ladder = nullptr;  // its rungs, as indices
        int order = 0;                             // of its id among all
        std::size_t level = 0;                     // where in the ladder it stands; its size: it has passed all
        bool failed = false, stopped = false;
        std::vector<std::pair<std::size_t, RungResult>> results;  // by level, as they came
    };

    Trial& trial(int index) { return trials_[static_cast<std::size_t>(index)]; }
    Rung& rung(int index) { return *rungs_[static_cast<std::size_t>(index)]; }
    /// Gives the trial's result for the rung where it stands to that rung, if it is known.
    void enter(int index, Decisions& decisions);
    void judge(int index, bool passes, Decisions& decisions);

    std::vector<Trial> trials_;
    std::map<int, std::vector<int>> ladders_;  // by the trial's epochs
    std::vector<std::unique_ptr<Rung>> rungs_;
    std::vector<int> unsettled_;  // rungs where something has changed
};

}  // namespace thaw
