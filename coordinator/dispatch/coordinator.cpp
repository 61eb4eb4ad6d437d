#include "coordinator/dispatch/coordinator.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/trial/epoch_rules.hpp"
#include "common/util/error.hpp"
#include "coordinator/plan/scheduler.hpp"

namespace thaw {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kWait{100};  // for a message, before other things are looked after

/// One run of a plan: takes events one at a time, keeps scheduler, store and display in step.
class Run {
  public:
    Run(const Plan& plan, const Inputs& inputs, Channel& channel, Store& store, ProgressDisplay& progress,
        const CoordinatorOptions& options)
        : plan_(plan),
          inputs_(inputs),
          channel_(channel),
          store_(store),
          progress_(progress),
          options_(options),
          silence_(channel.size(), options.patience, Clock::now()),
          hosts_(options.hosts),
          scheduler_(stage_nodes(plan)),
          ended_trials_(plan.trials.size(), false) {
        hosts_.resize(static_cast<std::size_t>(channel.size()));
        for (const int finished : plan.repeated) has_ended(finished) = true;
        if (!plan.earlier.empty()) find_later_phases();
        if (!options.stopping) return;
        for (std::size_t i = 0; i < plan.trials.size(); ++i) index_of_[plan.trials[i].id] = static_cast<int>(i);
        for (std::size_t s = 0; s < plan.stages.size(); ++s) {
            const PlannedStage& gated = plan.stages[s];
            if (gated.gate_epoch == 0) continue;
            for (const int index : gated.trials) gates_[{index, gated.gate_epoch}] = static_cast<int>(s);
            undecided_[static_cast<int>(s)] = static_cast<int>(gated.trials.size());
        }
    }

    Outcome carry_out(const std::atomic<bool>& stop) {
        double seconds = 0;
        for (const PlannedStage& planned : plan_.stages)
            if (!planned.unlikely) seconds += core_seconds(planned, inputs_);
        progress_.begin(static_cast<int>(plan_.trials.size() - plan_.repeated.size()), seconds);
        const auto begin = Clock::now();
        carry_out_fates();
        while (!scheduler_.finished() && outcome_.input_error.empty() && outcome_.storage_error.empty()) {
            if (stop) {
                outcome_.interrupted = true;
                break;
            }
            const auto envelope = channel_.receive(kWait);
            scheduler_.set_time(std::chrono::duration<double>(Clock::now() - begin).count());
            if (envelope) {
                silence_.heard(envelope->from, Clock::now());
                std::visit([&](const auto& message) { on(envelope->from, message); }, envelope->message);
            }
            if (const auto lost = silence_.look(Clock::now())) lose(*lost);
            look_for_overdue();
            progress_.refresh();
        }
        dismissing_ = true;
        const auto lost = dismiss_workers(channel_, Stop{outcome_.input_error.empty()}, options_.patience,
                                          [&](const Channel::Envelope& late) {
                                              // What was under way when the stop was decided is a result all the same.
                                              if (const auto* done = std::get_if<EpochDone>(&late.message))
                                                  on(late.from, *done);
                                              progress_.refresh();
                                          });
        if (lost) lose(*lost);
        progress_.refresh(true);
        if (first_start_) outcome_.seconds = std::chrono::duration<double>(last_end_ - *first_start_).count();
        return outcome_;
    }

  private:
    const PlannedStage& stage(int index) const { return plan_.stages[static_cast<std::size_t>(index)]; }
    const Trial& trial(int index) const { return plan_.trials[static_cast<std::size_t>(index)]; }
    std::vector<bool>::reference has_ended(int index) { return ended_trials_[static_cast<std::size_t>(index)]; }

    void on(int rank, const Hello& hello) {
        hosts_[static_cast<std::size_t>(rank)] = hello.host;
        act(scheduler_.rank_joined(rank, hello.threads));
    }
    void on(int, const Alive&) {}
    void on(int, const Progress& progress) { progress_.images_done(progress.stage, progress.images); }

    const std::vector<int>& trials_of(int stage_index, int trajectory) const {
        const PlannedStage& planned = stage(stage_index);
        THAW_CHECK(trajectory >= 0 && trajectory < static_cast<int>(planned.trajectories.size()),
                   "stage {} has no trajectory {}", stage_index, trajectory);
        return plan_.trajectory(planned.trajectories[static_cast<std::size_t>(trajectory)]).trials;
    }

    /// Trials of a stage that have no result yet.
    std::vector<std::string> in_flight(int stage_index) {
        std::vector<std::string> ids;
        for (const int index : stage(stage_index).trials)
            if (!has_ended(index)) ids.push_back(trial(index).id);
        return ids;
    }

    /// A training's predicted seconds from one epoch to the next, of any of its trajectories, many times over.
    double chance_seconds(const PlannedStage& planned) const {
        constexpr double kManyTimes = 10;
        int epochs = 1;
        for (const int at : planned.trajectories)
            epochs = std::max(epochs, plan_.trajectory(at).to_epoch - plan_.trajectory(at).from_epoch);
        return std::max(options_.overdue_seconds, kManyTimes * planned.predicted.seconds / epochs);
    }

    /// Should the world die, the store has to know already who has had a fair chance to do an epoch. Events come by the
    /// ten thousand in a second: all flights are looked at now and then.
    void look_for_overdue() {
        const auto now = Clock::now();
        if (now - last_look_for_overdue_ < kWait) return;
        last_look_for_overdue_ = now;
        for (auto& [index, flight] : flights_) {
            const double seconds = std::chrono::duration<double>(now - flight.since).count();
            if (flight.overdue || seconds < flight.chance_seconds) continue;
            flight.overdue = true;
            store_.set_overdue(in_flight(index), true);
        }
    }

    void shows_life(int stage_index) {
        const auto found = flights_.find(stage_index);
        if (found == flights_.end()) return;
        found->second.since = Clock::now();
        if (!std::exchange(found->second.overdue, false)) return;
        store_.set_overdue(in_flight(stage_index), false);
    }

    void on(int, const EpochDone& done) {
        shows_life(done.stage);
        EpochMetrics in_between = done.metrics;
        in_between.predicted.clear();
        store_.together([&] {
            for (const int index : trials_of(done.stage, done.trajectory)) {
                if (trial(index).epochs < done.metrics.epoch || has_ended(index)) continue;
                const bool ends = ends_with(index, in_between);
                store_.record_epoch(trial(index).id, ends ? done.metrics : in_between);
                if (options_.on_epoch) options_.on_epoch(trial(index).id, in_between);
                if (ends) finish(index, done.metrics.validation_accuracy);
                if (options_.stopping) options_.stopping->epoch_done(trial(index).id, done.metrics);
            }
        });
        std::error_code gone;
        if (!done.obsolete.empty()) std::filesystem::remove(done.obsolete, gone);
        carry_out_fates();
    }

    /// Whether the trial's training ends with this epoch, its next.
    bool ends_with(int index, const EpochMetrics& metrics) {
        if (trial(index).early_stop.none()) return trial(index).epochs == metrics.epoch;
        std::vector<EpochMetrics>& history = histories_[index];
        history.push_back(metrics);
        return thaw::has_ended(trial(index), history);
    }

    /// Carries out what has been decided since the last time: trials that stop are written down; what waited for
    /// decisions that have all been made begins, or is skipped.
    void carry_out_fates() {
        while (options_.stopping && carried_out_ < options_.stopping->decided().size()) {
            const Fate fate = options_.stopping->decided()[carried_out_++];
            const auto found = index_of_.find(fate.trial);
            if (found == index_of_.end()) continue;  // was finished or stopped before this run
            const int index = found->second;
            if (!fate.goes_on && !has_ended(index)) stop(index);
            const auto gate = gates_.find({index, fate.epoch});
            if (gate == gates_.end()) continue;  // known before this run: there is no cut at that epoch
            const int waiting = gate->second;
            if (fate.goes_on) wanted_.insert(waiting);
            if (--undecided_[waiting] > 0) continue;
            act(wanted_.contains(waiting) ? scheduler_.open(waiting) : scheduler_.skip(waiting));
        }
    }

    void on(int, const TrajectoryFailed& failed) {
        fail_trials(trials_of(failed.stage, failed.trajectory), failed.message);
        fail_later_phases(failed.stage, trials_of(failed.stage, failed.trajectory), failed.message);
    }

    void on(int rank, const StageDone& done) {
        last_end_ = Clock::now();
        flights_.erase(done.stage);
        StageRecord record = record_of(done.stage, rank);
        record.seconds = done.seconds;
        record.bytes = done.bytes;
        record.reused = done.reused;
        record.computed = done.computed;
        store_.record_stage(record);
        if (done.bad_images > 0) {
            spdlog::warn("{} images cannot be read and are left out", done.bad_images);
            store_.record_bad_images(done.bad_images);
        }
        for (const int at : stage(done.stage).trajectories)
            for (const int index : plan_.trajectory(at).trials)
                THAW_CHECK(has_ended(index) || trial(index).epochs > plan_.trajectory(at).to_epoch,
                           "stage {} is done but trial {} has no result", done.stage, trial(index).id);
        if (stage(done.stage).kind == StageKind::train)
            store_.together([&] {  // those that the rule judges now are not in flight meanwhile
                for (const std::string& id : in_flight(done.stage)) store_.pause_trial(id);
            });
        progress_.stage_ended(done.stage);
        act(scheduler_.stage_done(done.stage));
    }

    void on(int rank, const StageFailed& failed) {
        last_end_ = Clock::now();
        flights_.erase(failed.stage);
        StageRecord record = record_of(failed.stage, rank);
        record.error = failed.message;
        store_.record_stage(record);
        progress_.stage_ended(failed.stage);
        if (failed.scope != FailureScope::its_trials) {
            (failed.scope == FailureScope::sweep ? outcome_.input_error : outcome_.storage_error) = failed.message;
            return;
        }
        fail_trials(stage(failed.stage).trials, failed.message);
        fail_later_phases(failed.stage, stage(failed.stage).trials, failed.message);
        failure_ = failed.message;
        act(scheduler_.stage_failed(failed.stage));
    }

    // What only workers get, or what only comes at the end (dismiss_workers takes those).
    void on(int, const Goodbye&) { THAW_CHECK(false, "a worker left while the sweep runs"); }
    void on(int, const RunStage&) { THAW_CHECK(false, "a worker sent an order"); }
    void on(int, const Stop&) { THAW_CHECK(false, "a worker sent an order"); }

    void act(const Actions& actions) {
        if (dismissing_) return;
        for (const Action& action : actions) {
            switch (action.kind) {
                case Action::start:
                    start(action.stage, action.rank);
                    break;
                case Action::cancel:
                    fail_trials(stage(action.stage).trials, failure_);
                    break;
                case Action::release:
                    release(action.stage);
                    break;
            }
        }
    }

    void start(int index, int rank) {
        std::vector<std::string> trials;  // of shared stages there may be a million
        if (stage(index).kind == StageKind::train) {
            trials = in_flight(index);
            flights_[index] = {Clock::now(), chance_seconds(stage(index))};
            store_.together([&] {
                for (const std::string& id : trials) store_.start_trial(id, rank);
            });
        }
        if (!first_start_) first_start_ = Clock::now();
        const StageSpec spec = stage_spec(plan_, index, inputs_, options_.cache);
        progress_.stage_started(index, kind_name(stage(index).kind), core_seconds(stage(index), inputs_));
        const std::vector<int> ranks = scheduler_.ranks_of(index);
        for (const int member : ranks)
            channel_.send(member, RunStage{index, spec, ranks.size() > 1 ? ranks : std::vector<int>{}, member == rank,
                                           trials, options_.reports});
    }

    /// Without sharing a stage's output is of use to nobody else, neither now nor later.
    void release(int index) {
        if (plan_.shared) return;
        for (const std::string& file : stage_outputs(stage_spec(plan_, index, inputs_, options_.cache))) {
            std::error_code ignored;
            std::filesystem::remove(file, ignored);
            std::filesystem::remove(file + ".bad.json", ignored);
        }
    }

    void finish(int index, double validation_accuracy) {
        const auto history = histories_.extract(index);
        store_.finish_trial(trial(index).id,
                            history ? result_epoch(trial(index).early_stop, history.mapped()) : trial(index).epochs);
        has_ended(index) = true;
        ++outcome_.finished;
        progress_.trial_finished(validation_accuracy, fmt::format("{} freeze {} head {}", trial(index).backbone,
                                                                  trial(index).freeze, head_name(trial(index).head)));
    }

    void stop(int index) {
        store_.stop_trial(trial(index).id);
        has_ended(index) = true;
        progress_.trial_stopped();
    }

    void fail_trials(const std::vector<int>& trials, const std::string& message) {
        store_.together([&] {
            for (const int served : trials) {
                if (has_ended(served)) continue;
                has_ended(served) = true;
                store_.fail_trial(trial(served).id, message);
                ++outcome_.failed;
                progress_.trial_failed();
                if (options_.stopping) options_.stopping->failed(trial(served).id);
            }
        });
        carry_out_fates();
    }

    void find_later_phases() {
        for (int s = 0; s < static_cast<int>(plan_.stages.size()); ++s)
            for (const int need : stage(s).needs)
                if (stage(need).kind == StageKind::train) later_phases_.emplace(need, s);
    }

    /// Who would have gone on from these trials of a stage.
    void fail_later_phases(int index, const std::vector<int>& failed, const std::string& message) {
        const auto [begin, end] = later_phases_.equal_range(index);
        for (auto later = begin; later != end; ++later)
            for (const int phase : failed) {
                std::vector<int> lost;
                for (const int served : stage(later->second).trials)
                    if (plan_.earlier[static_cast<std::size_t>(served)] == phase) lost.push_back(served);
                if (lost.empty()) continue;
                const std::string why =
                    fmt::format("its earlier phase, trial {} (freeze {}, learning rate {}), failed: {}",
                                trial(phase).id, trial(phase).freeze, trial(phase).learning_rate, message);
                fail_trials(lost, why);
                fail_later_phases(later->second, lost, why);
            }
    }

    StageRecord record_of(int index, int rank) const {
        const PlannedStage& planned = stage(index);
        StageRecord record;
        record.kind = kind_name(planned.kind);
        record.description = describe(plan_, planned, inputs_);
        record.rank = rank;
        record.ranks = planned.ranks;
        record.trials = static_cast<int>(planned.trials.size());
        record.predicted_seconds = planned.predicted.seconds;
        record.predicted_bytes = planned.predicted.bytes;
        return record;
    }

    [[noreturn]] void lose(int rank) const {
        const std::string& host = hosts_[static_cast<std::size_t>(rank)];
        throw RankLost(fmt::format("rank {} of {} ({}) did not answer in {:g} s", rank, channel_.size(),
                                   host.empty() ? "host unknown" : "host " + host,
                                   std::chrono::duration<double>(options_.patience).count()));
    }

    const Plan& plan_;
    const Inputs& inputs_;
    Channel& channel_;
    Store& store_;
    ProgressDisplay& progress_;
    const CoordinatorOptions& options_;
    Silence silence_;
    std::vector<std::string> hosts_;  // by rank; empty: not known
    bool dismissing_ = false;         // nothing new begins
    Scheduler scheduler_;
    std::vector<bool> ended_trials_;
    std::unordered_map<int, std::vector<EpochMetrics>> histories_;  // of trials that may stop early, until they end
    std::unordered_map<std::string, int> index_of_;                 // with a stopping rule: trials by id
    std::map<std::pair<int, int>, int> gates_;                      // stage that waits for (trial, epoch)
    std::size_t carried_out_ = 0;                                   // of the decisions
    std::unordered_map<int, int> undecided_;                        // by stage: how many decisions it waits for
    std::multimap<int, int> later_phases_;                          // by stage, those that go on from what it trains
    std::set<int> wanted_;                                          // stages that one of their trials goes on with
    struct Flight {
        Clock::time_point since;  // its start, or the last epoch
        double chance_seconds = 0;
        bool overdue = false;
    };
    std::map<int, Flight> flights_;  // trainings that run, by stage
    Clock::time_point last_look_for_overdue_;
    std::string failure_;
    std::optional<Clock::time_point> first_start_;
    Clock::time_point last_end_;
    Outcome outcome_;
};

}  // namespace

std::optional<int> dismiss_workers(Channel& channel, const Stop& stop, std::chrono::milliseconds patience,
                                   const std::function<void(const Channel::Envelope&)>& on_message) {
    Silence silence(channel.size(), patience, Clock::now());
    for (int rank = 0; rank < channel.size(); ++rank) channel.send(rank, stop);
    std::set<int> gone;
    while (static_cast<int>(gone.size()) < channel.size()) {
        const auto envelope = channel.receive(std::chrono::milliseconds(100));
        if (envelope) silence.heard(envelope->from, Clock::now());
        for (const int rank : gone) silence.heard(rank, Clock::now());
        if (const auto lost = silence.look(Clock::now())) return lost;
        if (!envelope) continue;
        if (std::holds_alternative<Goodbye>(envelope->message))
            gone.insert(envelope->from);
        else if (on_message)
            on_message(*envelope);
    }
    return std::nullopt;
}

Outcome coordinate(const Plan& plan, const Inputs& inputs, Channel& channel, Store& store, ProgressDisplay& progress,
                   const std::atomic<bool>& stop, const CoordinatorOptions& options) {
    return Run(plan, inputs, channel, store, progress, options).carry_out(stop);
}

}  // namespace thaw
