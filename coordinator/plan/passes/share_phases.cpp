#include <fmt/format.h>

#include <map>

#include "coordinator/plan/passes.hpp"

namespace thaw {

/// The plan is built so already; this counts.
PassReport share_phases(Plan& plan, PassContext& context) {
    constexpr std::size_t kMostListed = 20;
    std::map<int, int> readers;  // by earlier phase, the trials that go on from it
    int asked = 0, trained = 0;  // epochs
    for (const int phase : plan.earlier) {
        if (phase < 0) continue;
        ++readers[phase];
        asked += plan.trial(phase).epochs;
    }
    double bytes = 0;
    for (const PlannedTrajectory& trajectory : plan.trajectories)
        for (const int phase : trajectory.phase_ends) {
            trained += plan.trial(phase).epochs;
            bytes += context.costs.weights_bytes(plan.trial(phase));
        }
    plan.phase_bytes = static_cast<std::int64_t>(bytes);
    int going_on = 0;
    PassReport report{"share_phases", "", {}};
    for (const auto& [phase, trials] : readers) {
        going_on += trials;
        if (report.details.size() >= kMostListed) continue;
        const Trial& trial = plan.trial(phase);
        report.details.push_back(fmt::format("{} freeze {}, head {}, {} x{}, seed {}: {} {} on from it", trial.backbone,
                                             trial.freeze, head_name(trial.head), trial.learning_rate, trial.epochs,
                                             trial.seed, trials, trials == 1 ? "trial goes" : "trials go"));
    }
    if (readers.size() > kMostListed)
        report.details.push_back(fmt::format("and {} more", readers.size() - kMostListed));
    report.text =
        fmt::format("{} trainings go on from {} earlier phases, {} of {} epochs saved; their weights take {:.1f} MB",
                    going_on, readers.size(), asked - trained, asked, bytes / 1e6);
    return report;
}

}  // namespace thaw
