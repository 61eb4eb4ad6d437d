#include "coordinator/plan/rungs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "common/util/error.hpp"

namespace thaw {

/// A result in the order of merit: the least is the best.
struct Merit {
    bool failed;
    double negative_accuracy, loss;
    int order;  // of the trial's id among all
    int trial;
    double best;  // decides nothing between trials
    auto key() const { return std::tie(failed, negative_accuracy, loss, order); }
    bool operator<(const Merit& other) const { return key() < other.key(); }
};

class Rungs::Rung {
  public:
    /// (trial, whether it passes)
    using Verdicts = std::vector<std::pair<int, bool>>;

    explicit Rung(int at) : epoch(at) {}
    virtual ~Rung() = default;
    virtual void arrive(const Merit& merit, double mean) = 0;  // an entrant's result
    virtual void expect_one_less() {}                          // a trial that might have entered has stopped before
    virtual Verdicts settle() = 0;                             // what has become certain since the last time
    const int epoch;
};

namespace {

/// The best pass, as many as there are places. How many enter is known from the start, since failed trials
/// take their places: where nobody better is left, one passes and fails the next rung too.
class HalvingRung : public Rungs::Rung {
  public:
    HalvingRung(int at, int entrants, int places) : Rung(at), entrants_(entrants), places_(places) {}

    void arrive(const Merit& merit, double) override {
        undecided_.insert(merit);
        ++arrived_;
    }

    /// Of what has arrived, the best (places - outstanding) are in, whatever comes, and all behind the best (places)
    /// are out. A result more moves the first of these bounds by one place, so who has passed stays within it.
    Verdicts settle() override {
        Verdicts verdicts;
        const int outstanding = entrants_ - arrived_;
        for (; passed_ < places_ - outstanding && !undecided_.empty(); ++passed_) {
            verdicts.emplace_back(undecided_.begin()->trial, true);
            undecided_.erase(undecided_.begin());
        }
        while (passed_ + static_cast<int>(undecided_.size()) > places_) {
            verdicts.emplace_back(std::prev(undecided_.end())->trial, false);
            undecided_.erase(std::prev(undecided_.end()));
        }
        return verdicts;
    }

  private:
    const int entrants_, places_;
    int arrived_ = 0, passed_ = 0;
    std::set<Merit> undecided_;
};

/// Those pass whose best accuracy is at least the median of the entrants' average accuracies. Who is still expected
/// may not come (stop before), come with 0 or come with 1: the median lies between those extremes.
class MedianRung : public Rungs::Rung {
  public:
    MedianRung(int at, int expected) : Rung(at), outstanding_(expected) {}

    void expect_one_less() override { --outstanding_; }
    void arrive(const Merit& merit, double mean) override {
        means_.insert(std::upper_bound(means_.begin(), means_.end(), mean), mean);
        undecided_.emplace(merit.failed ? -1 : merit.best, merit.trial);
        --outstanding_;
    }

    Verdicts settle() override {
        Verdicts verdicts;
        if (means_.empty()) return verdicts;
        const double least = median(outstanding_, 0), most = median(0, outstanding_);
        while (!undecided_.empty() && std::prev(undecided_.end())->first >= most) {
            verdicts.emplace_back(std::prev(undecided_.end())->second, true);
            undecided_.erase(std::prev(undecided_.end()));
        }
        while (!undecided_.empty() && undecided_.begin()->first < least) {
            verdicts.emplace_back(undecided_.begin()->second, false);
            undecided_.erase(undecided_.begin());
        }
        return verdicts;
    }

  private:
    /// Of the averages known and that many zeros and ones.
    double median(int zeros, int ones) const {
        const int known = static_cast<int>(means_.size()), count = known + zeros + ones;
        const auto sorted = [&](int i) {
            return i < zeros ? 0.0 : i < zeros + known ? means_[static_cast<std::size_t>(i - zeros)] : 1.0;
        };
        return (sorted((count - 1) / 2) + sorted(count / 2)) / 2;
    }

    int outstanding_;
    std::vector<double> means_;                   // ascending
    std::set<std::pair<double, int>> undecided_;  // (best, trial); a failed one's best is below all
};

/// The place of each trial's id in the order of all ids.
std::vector<int> id_order(const std::vector<Entrant>& trials) {
    std::vector<int> by_id(trials.size()), order(trials.size());
    std::iota(by_id.begin(), by_id.end(), 0);
    const auto id = [&](int trial) -> const std::string& { return trials[static_cast<std::size_t>(trial)].id; };
    std::sort(by_id.begin(), by_id.end(), [&](int a, int b) { return id(a) < id(b); });
    for (std::size_t i = 0; i < by_id.size(); ++i) order[static_cast<std::size_t>(by_id[i])] = static_cast<int>(i);
    return order;
}

std::vector<std::unique_ptr<Rungs::Rung>> make_rungs(const StoppingRule& rule, std::map<int, std::vector<int>>& ladders,
                                                     const std::map<int, int>& trials_by_epochs) {
    std::vector<std::unique_ptr<Rungs::Rung>> rungs;
    std::map<int, int> shared;  // median: rung by epoch
    for (const auto& [epochs, count] : trials_by_epochs) {
        int entrants = count;
        for (const int epoch : rung_epochs(rule, epochs)) {
            if (std::holds_alternative<Halving>(rule)) {
                const int places = usual_places(rule, entrants);
                ladders[epochs].push_back(static_cast<int>(rungs.size()));
                rungs.push_back(std::make_unique<HalvingRung>(epoch, entrants, places));
                entrants = places;
                continue;
            }
            const auto [rung, is_new] = shared.emplace(epoch, static_cast<int>(rungs.size()));
            ladders[epochs].push_back(rung->second);
            if (!is_new) continue;
            int expected = 0;
            for (auto longer = trials_by_epochs.upper_bound(epoch); longer != trials_by_epochs.end(); ++longer)
                expected += longer->second;
            rungs.push_back(std::make_unique<MedianRung>(epoch, expected));
        }
    }
    return rungs;
}

}  // namespace

std::vector<int> rung_epochs(const StoppingRule& rule, int epochs) {
    std::vector<int> rungs;
    if (const Halving* halving = std::get_if<Halving>(&rule))
        for (std::int64_t epoch = halving->first_rung; epoch < epochs; epoch *= halving->reduction_factor)
            rungs.push_back(static_cast<int>(epoch));
    if (const MedianStopping* median = std::get_if<MedianStopping>(&rule))
        for (std::int64_t epoch = median->grace; epoch < epochs; epoch += median->every)
            rungs.push_back(static_cast<int>(epoch));
    return rungs;
}

int usual_places(const StoppingRule& rule, int entrants) {
    const Halving* halving = std::get_if<Halving>(&rule);
    return std::max(1, entrants / (halving ? halving->reduction_factor : 2));
}

RungResult rung_result(const std::vector<EpochMetrics>& epochs) {
    THAW_CHECK(!epochs.empty(), "a rung's result without an epoch");
    RungResult result{epochs.back().validation_accuracy, epochs.back().validation_loss, 0, 0, false};
    for (const EpochMetrics& epoch : epochs) {
        result.best = std::max(result.best, epoch.validation_accuracy);
        result.mean += epoch.validation_accuracy / static_cast<double>(epochs.size());
    }
    result.mean = std::min(result.mean, result.best);  // rounding must not raise an average above its parts
    return result;
}

Rungs::Rungs(const StoppingRule& rule, std::vector<Entrant> trials) : trials_(trials.size()) {
    const std::vector<int> order = id_order(trials);
    std::map<int, int> trials_by_epochs;
    for (std::size_t i = 0; i < trials.size(); ++i) {
        trials_[i].order = order[i];
        trials_[i].ladder = &ladders_[trials[i].epochs];
        ++trials_by_epochs[trials[i].epochs];
    }
    rungs_ = make_rungs(rule, ladders_, trials_by_epochs);
}

Rungs::~Rungs() = default;

Decisions Rungs::report(int index, int epoch, const RungResult& result) {
    Trial& reported = trial(index);
    const std::vector<int>& ladder = *reported.ladder;
    const auto place = std::find_if(ladder.begin(), ladder.end(), [&](int at) { return rung(at).epoch == epoch; });
    THAW_CHECK(place != ladder.end(), "trial {} has no rung at epoch {}", index, epoch);
    const auto level = static_cast<std::size_t>(place - ladder.begin());
    for (const auto& known : reported.results)
        THAW_CHECK(known.first != level, "trial {} has reported epoch {} before", index, epoch);
    reported.results.emplace_back(level, result);

    Decisions decisions;
    if (reported.level == level && !reported.failed && !reported.stopped) enter(index, decisions);
    while (!unsettled_.empty()) {
        Rung& changed = rung(unsettled_.back());
        unsettled_.pop_back();
        for (const auto& [judged, passes] : changed.settle()) judge(judged, passes, decisions);
    }
    return decisions;
}

void Rungs::enter(int index, Decisions& decisions) {
    Trial& entering = trial(index);
    if (entering.level == entering.ladder->size()) return;
    const auto known = std::find_if(entering.results.begin(), entering.results.end(),
                                    [&](const auto& result) { return result.first == entering.level; });
    if (!entering.failed && known == entering.results.end()) return;
    const int at = (*entering.ladder)[entering.level];
    const bool fails_here = !entering.failed && known->second.failed;
    if (fails_here) decisions.push_back({index, rung(at).epoch, false});
    entering.failed |= fails_here;
    if (entering.failed) {
        rung(at).arrive({true, 0, 0, entering.order, index, 0}, 0);
    } else {
        const RungResult& result = known->second;
        const double loss = std::isnan(result.loss) ? std::numeric_limits<double>::infinity() : result.loss;
        rung(at).arrive({false, -result.accuracy, loss, entering.order, index, result.best}, result.mean);
    }
    unsettled_.push_back(at);
}

/// A failed trial has been told to stop where it failed; it goes on only to take its place.
void Rungs::judge(int index, bool passes, Decisions& decisions) {
    Trial& judged = trial(index);
    const std::vector<int>& ladder = *judged.ladder;
    if (!judged.failed) decisions.push_back({index, rung(ladder[judged.level]).epoch, passes});
    if (passes) {
        ++judged.level;
        enter(index, decisions);
        return;
    }
    judged.stopped = true;
    for (std::size_t level = judged.level + 1; level < ladder.size(); ++level) {
        rung(ladder[level]).expect_one_less();
        unsettled_.push_back(ladder[level]);
    }
}

}  // namespace thaw
