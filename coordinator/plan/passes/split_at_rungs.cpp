#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "coordinator/plan/passes.hpp"
#include "coordinator/plan/rungs.hpp"

namespace thaw {
namespace {

class RungSplitter {
  public:
    RungSplitter(Plan& plan, PassContext& context) : plan_(plan), context_(context), rule_(context.options.stopping) {}

    PassReport split() {
        guess_who_goes_on();
        const std::size_t stages = plan_.stages.size();
        int trainings = 0, stretches = 0;
        for (std::size_t s = 0; s < stages; ++s) {
            if (plan_.stages[s].kind != StageKind::train) continue;
            ++trainings;
            stretches += split(s);
        }
        PassReport report{"split_at_rungs",
                          fmt::format("{} trainings in {} stretches: the rule decides who goes on between them",
                                      trainings, stretches),
                          {}};
        report.details.push_back(
            std::holds_alternative<Halving>(rule_)
                ? "predicted as if every rung let as many go on as it has places"
                : "predicted as if every rung let half go on; how many it will be, the results decide");
        return report;
    }

  private:
    /// Ids are hashes: the first of them in their order are as good a guess as any, and the same at every rung.
    void guess_who_goes_on() {
        std::map<int, std::set<std::pair<std::string, int>>> groups;  // by epochs
        for (std::size_t i = 0; i < plan_.trials.size(); ++i)
            groups[plan_.trials[i].epochs].emplace(plan_.trials[i].id, static_cast<int>(i));
        for (const auto& [epochs, group] : groups) {
            int places = static_cast<int>(group.size());
            for (const int epoch : rung_epochs(rule_, epochs)) {
                places = usual_places(rule_, places);
                auto trial = group.begin();
                for (int i = 0; i < places; ++i, ++trial) goes_on_.emplace(epoch, trial->second);
            }
        }
    }

    /// Leaves the first stretch in the stage's place and appends the others; returns how many there are.
    int split(std::size_t s) {
        const PlannedTrajectory whole = plan_.trajectory(plan_.stages[s].trajectories[0]);
        const int known = known_epochs(whole);
        int gate = 0;
        std::vector<int> ends;
        for (const int rung : rung_epochs(rule_, whole.to_epoch)) {
            if (rung <= known)
                gate = rung;
            else if (rung >= whole.from_epoch)
                ends.push_back(rung);
        }
        ends.push_back(whole.to_epoch);
        PlannedStage stage = plan_.stages[s];
        const std::vector<int> needs = stage.needs;
        auto at = static_cast<int>(s);
        for (std::size_t i = 0; i < ends.size(); ++i) {
            PlannedTrajectory stretch = whole;
            std::erase_if(stretch.trials, [&](int trial) { return plan_.trial(trial).epochs <= gate; });
            stretch.to_epoch = ends[i];
            if (i > 0) stretch.from_epoch = gate;
            stretch.keeps_snapshot = whole.keeps_snapshot || i + 1 < ends.size();
            stage.gate_epoch = gate;
            stage.trials = stretch.trials;
            stage.unlikely = gate > 0 && std::none_of(stage.trials.begin(), stage.trials.end(), [&](int trial) {
                                 return goes_on_.contains({gate, trial});
                             });
            if (i == 0) {
                plan_.trajectories[static_cast<std::size_t>(stage.trajectories[0])] = std::move(stretch);
                plan_.stages[s] = stage;
            } else {
                stage.needs = needs;
                stage.needs.push_back(at);
                stage.trajectories = {static_cast<int>(plan_.trajectories.size())};
                plan_.trajectories.push_back(std::move(stretch));
                at = static_cast<int>(plan_.stages.size());
                plan_.stages.push_back(stage);
            }
            gate = ends[i];
        }
        return static_cast<int>(ends.size());
    }

    /// Epochs whose metrics an earlier run has recorded, for all of the trials.
    int known_epochs(const PlannedTrajectory& trajectory) const {
        int known = trajectory.to_epoch;
        for (const int trial : trajectory.trials) {
            const auto found = context_.options.known_epochs.find(plan_.trial(trial).id);
            known = std::min(known, found == context_.options.known_epochs.end() ? 0 : found->second);
        }
        return known;
    }

    Plan& plan_;
    PassContext& context_;
    const StoppingRule& rule_;
    std::set<std::pair<int, int>> goes_on_;  // (rung's epoch, trial)
};

}  // namespace

PassReport split_at_rungs(Plan& plan, PassContext& context) {
    return RungSplitter(plan, context).split();
}

}  // namespace thaw
