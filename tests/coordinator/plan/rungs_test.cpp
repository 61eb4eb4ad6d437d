// Early stopping: hand-computed brackets, and random searches against plain rules applied to complete rungs.
#include "coordinator/plan/rungs.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <tuple>

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

RungResult result(double accuracy, double loss = 1) {
    return {accuracy, loss, accuracy, accuracy, false};
}
const RungResult kFailed = {0, 0, 0, 0, true};

std::vector<Entrant> entrants(int count, int epochs) {
    std::vector<Entrant> trials;
    for (int i = 0; i < count; ++i) trials.push_back({fmt::format("{:04}", i), epochs});
    return trials;
}

TEST(Rungs, LieAtPowersOfTheFactorBelowTheTrialsEpochs) {
    EXPECT_THAT(rung_epochs(Halving{3, 1}, 81), ElementsAre(1, 3, 9, 27));
    EXPECT_THAT(rung_epochs(Halving{3, 2}, 20), ElementsAre(2, 6, 18));
    EXPECT_THAT(rung_epochs(Halving{2, 4}, 4), IsEmpty());
    EXPECT_THAT(rung_epochs(Halving{2, 1}, 100'000), testing::SizeIs(17));
    EXPECT_THAT(rung_epochs(MedianStopping{2, 3}, 9), ElementsAre(2, 5, 8));
    EXPECT_THAT(rung_epochs(MedianStopping{2, 3}, 8), ElementsAre(2, 5));
    EXPECT_THAT(rung_epochs({}, 8), IsEmpty());
}

/// Table 1 of Li et al., "Hyperband" (JMLR 18, 2018), bracket s = 4: R = 81, eta = 3.
TEST(Halving, RunsTheBracketOfTheHyperbandPaper) {
    Rungs rungs(Halving{3, 1}, entrants(81, 81));
    std::map<int, std::set<int>> arrived;
    for (int i = 0; i < 81; ++i) arrived[1].insert(i);
    for (const int epoch : {1, 3, 9, 27})
        for (const int trial : std::set<int>(arrived[epoch]))
            for (const Decision& decision : rungs.report(trial, epoch, result(trial / 100.0)))
                if (decision.go_on) arrived[epoch * 3].insert(decision.trial);
    EXPECT_EQ(arrived[3].size(), 27u);
    EXPECT_EQ(arrived[9].size(), 9u);
    EXPECT_EQ(arrived[27].size(), 3u);
    EXPECT_THAT(arrived[81], ElementsAre(80));
}

TEST(Halving, DecidesAsSoonAsNothingCouldChangeItAndNotBefore) {
    Rungs rungs(Halving{2, 1}, entrants(4, 2));  // two of four go on
    EXPECT_THAT(rungs.report(0, 1, result(0.5)), IsEmpty());
    EXPECT_THAT(rungs.report(1, 1, result(0.9)), IsEmpty());  // two better ones could come
    EXPECT_THAT(rungs.report(2, 1, result(0.7)), UnorderedElementsAre(Decision{1, 1, true}, Decision{0, 1, false}));
    EXPECT_THAT(rungs.report(3, 1, result(0.6)), UnorderedElementsAre(Decision{2, 1, true}, Decision{3, 1, false}));
}

TEST(Halving, SettlesEqualAccuraciesByLossAndThenById) {
    std::vector<Entrant> trials = {{"d", 2}, {"c", 2}, {"b", 2}, {"a", 2}};
    Rungs rungs(Halving{2, 1}, trials);
    Decisions decisions;
    for (const auto& [trial, loss] : {std::pair(0, 0.3), {1, 0.4}, {2, 0.4}, {3, std::nan("")}})
        for (const Decision& decision : rungs.report(trial, 1, result(0.5, loss))) decisions.push_back(decision);
    EXPECT_THAT(decisions, UnorderedElementsAre(Decision{0, 1, true}, Decision{2, 1, true}, Decision{1, 1, false},
                                                Decision{3, 1, false}));
}

TEST(Halving, LetsAtLeastOneTrialGoOn) {
    Rungs rungs(Halving{3, 1}, entrants(2, 10));
    rungs.report(0, 1, result(0.1));
    EXPECT_THAT(rungs.report(1, 1, result(0.2)), UnorderedElementsAre(Decision{0, 1, false}, Decision{1, 1, true}));
    EXPECT_THAT(rungs.report(1, 3, result(0.2)), ElementsAre(Decision{1, 3, true}));
}

TEST(Halving, ComparesOnlyTrialsOfEqualEpochs) {
    Rungs rungs(Halving{2, 1}, {{"a", 4}, {"b", 4}, {"c", 8}, {"d", 8}});
    EXPECT_THAT(rungs.report(0, 1, result(0.1)), IsEmpty());
    EXPECT_THAT(rungs.report(2, 1, result(0.9)), IsEmpty());
    EXPECT_THAT(rungs.report(3, 1, result(0.8)), UnorderedElementsAre(Decision{2, 1, true}, Decision{3, 1, false}));
}

TEST(Halving, NeverLetsAFailedTrialGoOnNorPutsAnotherInItsPlace) {
    Rungs rungs(Halving{2, 1}, entrants(4, 4));
    EXPECT_THAT(rungs.report(0, 1, kFailed), ElementsAre(Decision{0, 1, false}));
    EXPECT_THAT(rungs.report(1, 1, kFailed), ElementsAre(Decision{1, 1, false}));
    EXPECT_THAT(rungs.report(2, 1, kFailed), ElementsAre(Decision{2, 1, false}));
    // One failed trial passes with it, so that at epoch 2 there are two entrants for one place.
    EXPECT_THAT(rungs.report(3, 1, result(0.3)), ElementsAre(Decision{3, 1, true}));
    EXPECT_THAT(rungs.report(3, 2, result(0.3)), ElementsAre(Decision{3, 2, true}));
}

TEST(Halving, PromotesAStoppedTrialWhenTheSearchIsReplayedWithMoreTrials) {
    const std::vector<double> accuracies = {0.1, 0.5, 0.9, 0.7, 0.2, 0.3};
    const auto going_on = [&](int count) {
        Rungs rungs(Halving{3, 1}, entrants(count, 3));
        std::vector<int> trials;
        for (int i = 0; i < count; ++i)
            for (const Decision& decision : rungs.report(i, 1, result(accuracies[static_cast<std::size_t>(i)])))
                if (decision.go_on) trials.push_back(decision.trial);
        return trials;
    };
    EXPECT_THAT(going_on(5), UnorderedElementsAre(2));
    EXPECT_THAT(going_on(6), UnorderedElementsAre(2, 3));  // 3 was stopped; it goes on from its snapshot
}

TEST(Median, LetsTheBestSoFarMeetTheMedianOfTheAverages) {
    Rungs rungs(MedianStopping{2, 1}, entrants(3, 3));
    // Averages 0.2, 0.5, 0.4: the median is 0.4. Trial 0 was at 0.4 once and goes on; trial 2 ended higher but on
    // average it is the median itself.
    EXPECT_THAT(rungs.report(0, 2, {0.0, 1, 0.4, 0.2, false}), IsEmpty());
    EXPECT_THAT(rungs.report(1, 2, {0.6, 1, 0.6, 0.5, false}), UnorderedElementsAre(Decision{1, 2, true}));
    EXPECT_THAT(rungs.report(2, 2, {0.5, 1, 0.5, 0.4, false}),
                UnorderedElementsAre(Decision{0, 2, true}, Decision{2, 2, true}));
}

TEST(Median, StopsWhatIsBelowWhateverStillComes) {
    Rungs rungs(MedianStopping{1, 1}, entrants(5, 2));
    EXPECT_THAT(rungs.report(0, 1, result(0.9)), IsEmpty());
    EXPECT_THAT(rungs.report(1, 1, result(0.8)), IsEmpty());
    // 0.8 and 0.9 are above, two are to come: the median of five is at least 0.3 and at most 0.9.
    EXPECT_THAT(rungs.report(2, 1, result(0.3)), ElementsAre(Decision{0, 1, true}));
    EXPECT_THAT(rungs.report(3, 1, result(0.7)), UnorderedElementsAre(Decision{2, 1, false}, Decision{1, 1, true}));
    EXPECT_THAT(rungs.report(4, 1, kFailed), UnorderedElementsAre(Decision{4, 1, false}, Decision{3, 1, true}));
}

TEST(RungResults, AreTheLastTheBestAndTheAverageOfTheEpochs) {
    const auto epoch = [](double accuracy, double loss) {
        EpochMetrics metrics;
        metrics.validation_accuracy = accuracy;
        metrics.validation_loss = loss;
        return metrics;
    };
    const RungResult shown = rung_result({epoch(0.25, 3), epoch(0.75, 2), epoch(0.5, 1)});
    EXPECT_EQ(shown.accuracy, 0.5);
    EXPECT_EQ(shown.loss, 1);
    EXPECT_EQ(shown.best, 0.75);
    EXPECT_DOUBLE_EQ(shown.mean, 0.5);
    const RungResult constant = rung_result(std::vector<EpochMetrics>(3, epoch(0.1, 1)));
    EXPECT_LE(constant.mean, constant.best);
}

/// A random search and what each of its trials would show at each of its rungs, were it to go there.
struct Case {
    StoppingRule rule;
    std::vector<Entrant> trials;
    std::map<std::pair<int, int>, RungResult> results;  // by (trial, epoch)

    const RungResult& at(int trial, int epoch) const { return results.at({trial, epoch}); }
    /// At this epoch or before.
    bool failed(int trial, int epoch) const {
        return std::any_of(results.begin(), results.end(), [&](const auto& one) {
            return one.first.first == trial && one.first.second <= epoch && one.second.failed;
        });
    }
};

Case random_case(unsigned seed) {
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    Case one;
    if (seed % 2 == 0)
        one.rule = Halving{2 + below(3), 1 + below(2)};
    else
        one.rule = MedianStopping{1 + below(3), 1 + below(3)};
    one.trials = entrants(1 + below(40), 0);
    const int steps = 1 + below(10);  // few: many ties
    for (std::size_t i = 0; i < one.trials.size(); ++i) {
        one.trials[i].epochs = below(3) == 0 ? 8 : 12;
        std::shuffle(one.trials[i].id.begin(), one.trials[i].id.end(), random);
        one.trials[i].id += std::to_string(i);
        for (const int epoch : rung_epochs(one.rule, one.trials[i].epochs)) {
            const double accuracy = below(steps + 1) / static_cast<double>(steps);
            const double mean = accuracy * below(3) / 2;
            one.results[{static_cast<int>(i), epoch}] = {accuracy, below(2) * 1.0, accuracy, mean, below(12) == 0};
        }
    }
    return one;
}

/// The rules as one would apply them by hand: rung after rung, each when all its results are there.
std::set<Decision> reference(const Case& one) {
    std::set<Decision> decisions;
    std::map<std::pair<int, int>, std::vector<int>> rungs;  // (group of equal epochs, epoch) -> entrants
    const bool halving = std::holds_alternative<Halving>(one.rule);
    const auto group = [&](std::size_t trial) { return halving ? one.trials[trial].epochs : 0; };
    std::set<int> stopped;
    for (int epoch = 1; epoch < 12; ++epoch) {
        for (const int epochs : {0, 2, 8, 12}) {
            std::vector<int> present;
            for (std::size_t i = 0; i < one.trials.size(); ++i)
                if (group(i) == epochs && one.results.contains({static_cast<int>(i), epoch}) &&
                    !stopped.contains(static_cast<int>(i)))
                    present.push_back(static_cast<int>(i));
            if (present.empty()) continue;
            std::set<int> passing;
            if (halving) {
                std::sort(present.begin(), present.end(), [&](int a, int b) {
                    const auto merit = [&](int t) {
                        const bool failed = one.failed(t, epoch);
                        const RungResult& r = one.at(t, epoch);
                        return std::tuple(failed, failed ? 0 : -r.accuracy, failed ? 0 : r.loss,
                                          one.trials[static_cast<std::size_t>(t)].id);
                    };
                    return merit(a) < merit(b);
                });
                const int factor = std::get<Halving>(one.rule).reduction_factor;
                const int places = std::max(1, static_cast<int>(present.size()) / factor);
                passing.insert(present.begin(), present.begin() + places);
            } else {
                std::vector<double> means;
                for (const int t : present) means.push_back(one.failed(t, epoch) ? 0 : one.at(t, epoch).mean);
                std::sort(means.begin(), means.end());
                const double median = (means[(means.size() - 1) / 2] + means[means.size() / 2]) / 2;
                for (const int t : present)
                    if (!one.failed(t, epoch) && one.at(t, epoch).best >= median) passing.insert(t);
            }
            for (const int t : present) {
                if (!passing.contains(t)) stopped.insert(t);
                const bool failed_before = one.failed(t, epoch - 1);
                if (!failed_before) decisions.insert({t, epoch, passing.contains(t) && !one.failed(t, epoch)});
            }
        }
    }
    return decisions;
}

/// Reports in the order of a sweep that runs: each trial's next rung once it has been let go on.
std::set<Decision> run_live(const Case& one, std::mt19937& random) {
    Rungs rungs(one.rule, one.trials);
    std::set<Decision> decisions;
    std::vector<std::pair<int, int>> running;  // (trial, epoch)
    const auto next = [&](int trial, int after) {
        for (const int epoch : rung_epochs(one.rule, one.trials[static_cast<std::size_t>(trial)].epochs))
            if (epoch > after) {
                running.emplace_back(trial, epoch);
                return;
            }
    };
    for (std::size_t i = 0; i < one.trials.size(); ++i) next(static_cast<int>(i), 0);
    while (!running.empty()) {
        std::swap(running[random() % running.size()], running.back());
        const auto [trial, epoch] = running.back();
        running.pop_back();
        for (const Decision& decision : rungs.report(trial, epoch, one.at(trial, epoch))) {
            EXPECT_TRUE(decisions.insert(decision).second) << "decided twice";
            if (decision.go_on) next(decision.trial, decision.epoch);
        }
    }
    return decisions;
}

/// Reports everything there is in any order, as the results of an earlier run come out of a database.
std::set<Decision> replay(const Case& one, std::mt19937& random) {
    Rungs rungs(one.rule, one.trials);
    std::vector<std::pair<int, int>> order;
    for (const auto& [key, known] : one.results) order.push_back(key);
    std::shuffle(order.begin(), order.end(), random);
    std::set<Decision> decisions;
    for (const auto& [trial, epoch] : order)
        for (const Decision& decision : rungs.report(trial, epoch, one.at(trial, epoch)))
            EXPECT_TRUE(decisions.insert(decision).second) << "decided twice";
    return decisions;
}

TEST(Rungs, DecideAsIfEveryRungWereCompleteWhateverTheOrderOfResults) {
    for (unsigned seed = 0; seed < 400; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const Case one = random_case(seed);
        const std::set<Decision> wanted = reference(one);
        std::mt19937 random(seed);
        for (int i = 0; i < 3; ++i) {
            ASSERT_EQ(run_live(one, random), wanted);
            ASSERT_EQ(replay(one, random), wanted);
        }
    }
}

/// What the machine decides after part of a first rung's results is what holds for all of many completions of it; what
/// it leaves open, two extreme completions decide differently: nothing waits longer than it must.
TEST(Rungs, AreSilentOnlyWhereWhatIsStillToComeCanChangeTheDecision) {
    for (unsigned seed = 0; seed < 400; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        Case one;
        if (seed % 2 == 0)
            one.rule = Halving{2 + static_cast<int>(random() % 3), 1};
        else
            one.rule = MedianStopping{1, 1};
        one.trials = entrants(1 + static_cast<int>(random() % 12), 2);
        const auto shown = static_cast<int>(random() % one.trials.size()) + 1;
        Rungs rungs(one.rule, one.trials);
        std::set<Decision> early;
        const int count = static_cast<int>(one.trials.size());
        for (int t = 0; t < count; ++t) {
            const double accuracy = 0.05 + static_cast<double>(random() % 19) / 20;
            one.results[{t, 1}] = {accuracy, 1, accuracy, accuracy * static_cast<double>(random() % 3) / 2, false};
            if (t >= shown) continue;
            for (const Decision& decision : rungs.report(t, 1, one.at(t, 1))) early.insert(decision);
        }
        std::vector<std::set<Decision>> completions = {reference(one)};
        for (const double rest : {0.0, 1.0}) {
            for (int t = shown; t < count; ++t) one.results[{t, 1}] = result(rest, rest == 1 ? 0 : 2);
            completions.push_back(reference(one));
        }
        for (int t = 0; t < shown; ++t)
            for (const bool go_on : {false, true}) {
                const bool always = std::all_of(completions.begin(), completions.end(), [&](const auto& completion) {
                    return completion.contains({t, 1, go_on});
                });
                EXPECT_EQ(early.contains({t, 1, go_on}), always) << "trial " << t << " of " << count;
            }
    }
}

TEST(Rungs, TakeTensOfThousandsOfTrials) {
    for (const StoppingRule& rule : {StoppingRule(Halving{3, 1}), StoppingRule(MedianStopping{1, 1})}) {
        std::mt19937 random(5);
        Rungs rungs(rule, entrants(30'000, 5));
        std::size_t decided = 0;
        for (int trial = 0; trial < 30'000; ++trial)
            decided += rungs.report(trial, 1, result(static_cast<double>(random() % 1000) / 1000)).size();
        EXPECT_EQ(decided, 30'000u);
    }
}

}  // namespace
}  // namespace thaw
