#include "coordinator/dispatch/coordinator.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/util/cache_folder.hpp"
#include "common/util/error.hpp"

namespace thaw {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kWait{100};  // for a message, before other things are looked after

/// Brings messages and the time to a reactor, and its answers to store, display, workers and files.
class CoordinatorLoop {
  public:
    CoordinatorLoop(const Plan& plan, const RunInputs& inputs, Channel& channel, Store& store,
                    ProgressDisplay& progress, Pruner& pruner, const CoordinatorOptions& options)
        : plan_(plan),
          inputs_(inputs),
          channel_(channel),
          store_(store),
          progress_(progress),
          options_(options),
          silence_(channel.size(), options.patience, Clock::now()),
          hosts_(options.hosts),
          reactor_(plan, pruner, options.overdue_seconds) {
        hosts_.resize(static_cast<std::size_t>(channel.size()));
    }

    Outcome run(const std::atomic<bool>& stop) {
        double seconds = 0;
        for (const PlannedStage& planned : plan_.stages)
            if (!planned.unlikely) seconds += core_seconds(planned, inputs_);
        progress_.begin(static_cast<int>(plan_.trials.size() - plan_.repeated.size()), seconds);
        carry_out(reactor_.begin());
        bool interrupted = false;
        while (!reactor_.over() && !(interrupted = stop)) {
            if (const auto envelope = channel_.receive(kWait)) {
                silence_.heard(envelope->from, Clock::now());
                take(*envelope);
            }
            if (const auto lost = silence_.look(Clock::now())) lose(*lost);
            look_for_overdue();
            progress_.refresh();
        }
        reactor_.stop();
        const bool after_epoch = reactor_.outcome().input_error.empty();
        const auto lost = dismiss_workers(channel_, Stop{after_epoch}, options_.patience, [&](const auto& late) {
            take(late);
            progress_.refresh();
        });
        if (lost) lose(*lost);
        progress_.refresh(true);
        Outcome outcome = reactor_.outcome();
        outcome.interrupted = interrupted;
        return outcome;
    }

  private:
    double now() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }
    const std::string& id(int trial) const { return plan_.trial(trial).id; }
    std::vector<std::string> ids(const std::vector<int>& trials) const {
        std::vector<std::string> names;
        for (const int trial : trials) names.push_back(id(trial));
        return names;
    }

    void take(const Channel::Envelope& envelope) {
        if (const auto* hello = std::get_if<Hello>(&envelope.message))
            hosts_[static_cast<std::size_t>(envelope.from)] = hello->host;
        if (const auto* progress = std::get_if<Progress>(&envelope.message))
            progress_.images_done(progress->stage, progress->images);
        carry_out(reactor_.on(envelope.from, envelope.message, now()));
    }

    /// Events come by the ten thousand in a second: all trainings are looked at now and then.
    void look_for_overdue() {
        if (Clock::now() - last_look_for_overdue_ < kWait) return;
        last_look_for_overdue_ = Clock::now();
        carry_out(reactor_.look_for_overdue(now()));
    }

    void carry_out(const Reaction& reaction) {
        if (!reaction.writes.empty())
            store_.together([&] {
                for (const Write& write : reaction.writes)
                    std::visit([this](const auto& content) { record(content); }, write);
            });
        for (const Order& order : reaction.orders) std::visit([this](const auto& content) { obey(content); }, order);
    }

    void record(const RecordStage& ended) {
        StageRecord record = planned_record(plan_, ended.done.stage, inputs_);
        record.rank = ended.rank;
        record.seconds = ended.done.seconds;
        record.bytes = ended.done.bytes;
        record.reused = ended.done.reused;
        record.computed = ended.done.computed;
        record.error = ended.error;
        store_.record_stage(record);
        progress_.stage_ended(ended.done.stage);
    }
    void record(const RecordBadImages& bad) {
        spdlog::warn("{} images cannot be read and are left out", bad.images);
        store_.record_bad_images(bad.images);
    }
    void record(const StartTrial& started) { store_.start_trial(id(started.trial), started.rank); }
    void record(const RecordEpoch& epoch) {
        store_.record_epoch(id(epoch.trial), epoch.metrics);
        if (options_.on_epoch) options_.on_epoch(id(epoch.trial), epoch.metrics);
    }
    void record(const PauseTrial& paused) { store_.pause_trial(id(paused.trial)); }
    void record(const FinishTrial& finished) {
        const Trial& trial = plan_.trial(finished.trial);
        store_.finish_trial(trial.id, finished.result_epoch);
        progress_.trial_finished(finished.validation_accuracy, fmt::format("{} freeze {} head {}", trial.backbone,
                                                                           trial.freeze, head_name(trial.head)));
    }
    void record(const StopTrial& stopped) {
        store_.stop_trial(id(stopped.trial));
        progress_.trial_stopped();
    }
    void record(const FailTrial& failed) {
        store_.fail_trial(id(failed.trial), failed.message);
        progress_.trial_failed();
    }
    void record(const MarkOverdue& marked) { store_.set_overdue(ids(marked.trials), marked.overdue); }

    void obey(const StartStage& started) {
        const PlannedStage& planned = plan_.stage(started.stage);
        progress_.stage_started(started.stage, kind_name(planned.kind), core_seconds(planned, inputs_));
        const int leader = started.ranks.at(0);
        RunStage order{started.stage, stage_spec(plan_, started.stage, inputs_, options_.cache)};
        if (started.ranks.size() > 1) order.ranks = started.ranks;
        order.trials = ids(started.trials);
        order.reports = options_.reports;
        for (const int rank : started.ranks) {
            order.leads = rank == leader;
            channel_.send(rank, order);
        }
    }
    void obey(const RemoveOutputs& removed) {
        remove_outputs(stage_spec(plan_, removed.stage, inputs_, options_.cache));
    }
    void obey(const RemoveFile& removed) {
        std::error_code gone;
        std::filesystem::remove(removed.path, gone);
    }

    [[noreturn]] void lose(int rank) const {
        const std::string& host = hosts_[static_cast<std::size_t>(rank)];
        throw RankLost(fmt::format("rank {} of {} ({}) did not answer in {:g} s", rank, channel_.size(),
                                   host.empty() ? "host unknown" : "host " + host,
                                   std::chrono::duration<double>(options_.patience).count()));
    }

    const Plan& plan_;
    const RunInputs& inputs_;
    Channel& channel_;
    Store& store_;
    ProgressDisplay& progress_;
    const CoordinatorOptions& options_;
    Silence silence_;
    std::vector<std::string> hosts_;  // by rank; empty: not known
    Reactor reactor_;
    Clock::time_point begin_ = Clock::now(), last_look_for_overdue_ = begin_;
};

}  // namespace

std::optional<int> dismiss_workers(Channel& channel, const Stop& stop, std::chrono::milliseconds patience,
                                   const std::function<void(const Channel::Envelope&)>& on_message) {
    Silence silence(channel.size(), patience, Clock::now());
    for (int rank = 0; rank < channel.size(); ++rank) channel.send(rank, stop);
    std::set<int> gone;
    while (static_cast<int>(gone.size()) < channel.size()) {
        const auto envelope = channel.receive(kWait);
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

StageRecord planned_record(const Plan& plan, int stage, const RunInputs& inputs) {
    const PlannedStage& planned = plan.stage(stage);
    StageRecord record;
    record.kind = kind_name(planned.kind);
    record.description = describe(plan, planned, inputs);
    record.trials = static_cast<int>(planned.trials.size());
    record.predicted_seconds = planned.predicted.seconds;
    record.predicted_bytes = planned.predicted.bytes;
    record.ranks = planned.ranks;
    return record;
}

void remove_outputs(const StageSpec& spec) {
    std::error_code ignored;
    for (const std::string& file : stage_outputs(spec)) {
        std::filesystem::remove(file, ignored);
        std::filesystem::remove(bad_images_file(file), ignored);
    }
}

Outcome coordinate(const Plan& plan, const RunInputs& inputs, Channel& channel, Store& store, ProgressDisplay& progress,
                   Pruner& pruner, const std::atomic<bool>& stop, const CoordinatorOptions& options) {
    return CoordinatorLoop(plan, inputs, channel, store, progress, pruner, options).run(stop);
}

}  // namespace thaw
