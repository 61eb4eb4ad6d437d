#include "coordinator/dispatch/reactor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/trial/epoch_rules.hpp"

namespace thaw {

Reactor::Reactor(const Plan& plan, Pruner& pruner, double overdue_seconds)
    : plan_(plan),
      pruner_(pruner),
      overdue_seconds_(overdue_seconds),
      scheduler_(stage_nodes(plan)),
      ended_trials_(plan.trials.size(), false),
      gates_(plan) {
    for (const int finished : plan.repeated) has_ended(finished) = true;
    if (pruner.judges())
        for (int i = 0; i < static_cast<int>(plan.trials.size()); ++i) index_of_[plan.trial(i).id] = i;
    if (plan.earlier.empty()) return;
    for (int s = 0; s < static_cast<int>(plan.stages.size()); ++s)
        for (const int need : plan.stage(s).needs)
            if (plan.stage(need).kind == StageKind::train) later_phases_.emplace(need, s);
}

Reaction Reactor::begin() {
    carry_out_decisions();
    return std::exchange(reaction_, {});
}

Reaction Reactor::on(int rank, const Message& message, double now) {
    if (stopped_ && !std::holds_alternative<EpochDone>(message)) return {};
    now_ = now;
    scheduler_.set_time(now);
    std::visit([&](const auto& content) { react(rank, content); }, message);
    return std::exchange(reaction_, {});
}

Reaction Reactor::look_for_overdue(double now) {
    for (auto& [stage, flight] : flights_) {
        if (flight.overdue || now - flight.since < flight.chance_seconds) continue;
        flight.overdue = true;
        reaction_.writes.emplace_back(MarkOverdue{in_flight(stage), true});
    }
    return std::exchange(reaction_, {});
}

bool Reactor::over() const {
    return scheduler_.finished() || !outcome_.input_error.empty() || !outcome_.storage_error.empty();
}

const std::vector<int>& Reactor::trials_of(int stage, int trajectory) const {
    const PlannedStage& planned = plan_.stage(stage);
    THAW_CHECK(trajectory >= 0 && trajectory < static_cast<int>(planned.trajectories.size()),
               "stage {} has no trajectory {}", stage, trajectory);
    return plan_.trajectory(planned.trajectories[static_cast<std::size_t>(trajectory)]).trials;
}

/// Trials of a stage that have no result yet.
std::vector<int> Reactor::in_flight(int stage) {
    std::vector<int> trials;
    for (const int trial : plan_.stage(stage).trials)
        if (!has_ended(trial)) trials.push_back(trial);
    return trials;
}

/// A training's predicted seconds from one epoch to the next, of any of its trajectories, many times over.
double Reactor::chance_seconds(const PlannedStage& stage) const {
    constexpr double kManyTimes = 10;
    int epochs = 1;
    for (const int at : stage.trajectories)
        epochs = std::max(epochs, plan_.trajectory(at).to_epoch - plan_.trajectory(at).from_epoch);
    return std::max(overdue_seconds_, kManyTimes * stage.predicted.seconds / epochs);
}

void Reactor::react(int rank, const Hello& hello) {
    act(scheduler_.rank_joined(rank, hello.threads));
}

void Reactor::react(int, const EpochDone& done) {
    shows_life(done.stage);
    EpochMetrics in_between = done.metrics;
    in_between.predicted.clear();
    for (const int index : trials_of(done.stage, done.trajectory)) {
        const Trial& trial = plan_.trial(index);
        if (trial.epochs < done.metrics.epoch || has_ended(index)) continue;
        const bool ends = ends_with(index, in_between);
        reaction_.writes.emplace_back(RecordEpoch{index, ends ? done.metrics : in_between});
        if (ends) finish(index, done.metrics.validation_accuracy);
        pruner_.epoch_done(trial.id, in_between);
    }
    if (!done.obsolete.empty()) reaction_.orders.emplace_back(RemoveFile{done.obsolete});
    carry_out_decisions();
}

void Reactor::shows_life(int stage) {
    const auto found = flights_.find(stage);
    if (found == flights_.end()) return;
    found->second.since = now_;
    if (std::exchange(found->second.overdue, false))
        reaction_.writes.emplace_back(MarkOverdue{in_flight(stage), false});
}

/// Whether the trial's training ends with this epoch, its next.
bool Reactor::ends_with(int index, const EpochMetrics& metrics) {
    const Trial& trial = plan_.trial(index);
    if (trial.early_stop.none()) return trial.epochs == metrics.epoch;
    std::vector<EpochMetrics>& history = histories_[index];
    history.push_back(metrics);
    return thaw::has_ended(trial, history);
}

void Reactor::finish(int index, double validation_accuracy) {
    const Trial& trial = plan_.trial(index);
    const auto history = histories_.extract(index);
    reaction_.writes.emplace_back(FinishTrial{
        index, history ? result_epoch(trial.early_stop, history.mapped()) : trial.epochs, validation_accuracy});
    has_ended(index) = true;
    ++outcome_.finished;
}

void Reactor::react(int, const TrajectoryFailed& failed) {
    const std::vector<int>& trials = trials_of(failed.stage, failed.trajectory);
    fail_trials(trials, failed.message);
    fail_later_phases(failed.stage, trials, failed.message);
}

void Reactor::react(int rank, const StageDone& done) {
    stage_ended(done.stage);
    reaction_.writes.emplace_back(RecordStage{rank, done});
    if (done.bad_images > 0) reaction_.writes.emplace_back(RecordBadImages{done.bad_images});
    const PlannedStage& stage = plan_.stage(done.stage);
    for (const int at : stage.trajectories)
        for (const int index : plan_.trajectory(at).trials)
            THAW_CHECK(has_ended(index) || plan_.trial(index).epochs > plan_.trajectory(at).to_epoch,
                       "stage {} is done but trial {} has no result", done.stage, plan_.trial(index).id);
    if (stage.kind == StageKind::train)  // those that the rule judges now are not in flight meanwhile
        for (const int index : in_flight(done.stage)) reaction_.writes.emplace_back(PauseTrial{index});
    act(scheduler_.stage_done(done.stage));
}

void Reactor::react(int rank, const StageFailed& failed) {
    stage_ended(failed.stage);
    reaction_.writes.emplace_back(RecordStage{rank, {.stage = failed.stage}, failed.message});
    switch (failed.scope) {
        case FailureScope::sweep:
            outcome_.input_error = failed.message;
            return;
        case FailureScope::sweep_for_now:
            outcome_.storage_error = failed.message;
            return;
        case FailureScope::its_trials:
            break;
    }
    fail_trials(plan_.stage(failed.stage).trials, failed.message);
    fail_later_phases(failed.stage, plan_.stage(failed.stage).trials, failed.message);
    act(scheduler_.stage_failed(failed.stage), failed.message);
}

void Reactor::stage_ended(int stage) {
    flights_.erase(stage);
    if (first_start_) outcome_.seconds = now_ - *first_start_;
}

void Reactor::fail_trials(const std::vector<int>& trials, const std::string& message) {
    for (const int index : trials) {
        if (has_ended(index)) continue;
        has_ended(index) = true;
        reaction_.writes.emplace_back(FailTrial{index, message});
        ++outcome_.failed;
        pruner_.failed(plan_.trial(index).id);
    }
    carry_out_decisions();
}

/// Who would have gone on from these trials of a stage.
void Reactor::fail_later_phases(int stage, const std::vector<int>& failed, const std::string& message) {
    const auto [begin, end] = later_phases_.equal_range(stage);
    for (auto later = begin; later != end; ++later)
        for (const int phase : failed) {
            std::vector<int> lost;
            for (const int served : plan_.stage(later->second).trials)
                if (plan_.earlier[static_cast<std::size_t>(served)] == phase) lost.push_back(served);
            if (lost.empty()) continue;
            const Trial& earlier = plan_.trial(phase);
            const std::string why = fmt::format("its earlier phase, trial {} (freeze {}, learning rate {}), failed: {}",
                                                earlier.id, earlier.freeze, earlier.learning_rate, message);
            fail_trials(lost, why);
            fail_later_phases(later->second, lost, why);
        }
}

/// Carries out what the pruner has decided since the last time: trials that stop are written down; what waited for
/// decisions that have all been made begins, or is skipped.
void Reactor::carry_out_decisions() {
    while (carried_out_ < pruner_.decided().size()) {
        const Decision decision = pruner_.decided()[carried_out_++];
        const auto found = index_of_.find(pruner_.trial_of(decision));
        if (found == index_of_.end()) continue;  // was finished or stopped before this run
        const int index = found->second;
        if (!decision.go_on && !has_ended(index)) {
            reaction_.writes.emplace_back(StopTrial{index});
            has_ended(index) = true;
        }
        if (const auto verdict = gates_.decide(index, decision.epoch, decision.go_on))
            act(verdict->wanted ? scheduler_.open(verdict->stage) : scheduler_.skip(verdict->stage));
    }
}

void Reactor::act(const Actions& actions, const std::string& failure) {
    if (stopped_) return;
    for (const Action& action : actions) {
        switch (action.kind) {
            case Action::start:
                start(action.stage, action.rank);
                break;
            case Action::cancel:
                fail_trials(plan_.stage(action.stage).trials, failure);
                break;
            case Action::release:  // without sharing its output is of use to nobody else, neither now nor later
                if (!plan_.shared) reaction_.orders.emplace_back(RemoveOutputs{action.stage});
                break;
        }
    }
}

void Reactor::start(int index, int rank) {
    StartStage order{index, scheduler_.ranks_of(index), {}};
    const PlannedStage& stage = plan_.stage(index);
    if (stage.kind == StageKind::train) {  // of shared stages there may be a million trials
        order.trials = in_flight(index);
        flights_[index] = {now_, chance_seconds(stage)};
        for (const int trial : order.trials) reaction_.writes.emplace_back(StartTrial{trial, rank});
    }
    if (!first_start_) first_start_ = now_;
    reaction_.orders.emplace_back(std::move(order));
}

}  // namespace thaw
