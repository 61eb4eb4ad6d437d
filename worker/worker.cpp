#include "worker/worker.hpp"

#include <fmt/ranges.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <list>
#include <new>
#include <thread>

#include "common/util/byte_size.hpp"
#include "common/util/error.hpp"
#include "common/util/in_flight.hpp"
#include "common/util/memory_use.hpp"
#include "common/util/placement.hpp"
#include "common/util/storage.hpp"
#include "worker/stages.hpp"
#include "worker/torch/threads.hpp"

namespace thaw {
namespace {

using Clock = std::chrono::steady_clock;

std::string stage_name(const RunStage& order) {
    const std::string kind = kind_name(static_cast<StageKind>(order.spec.index()));
    return fmt::format("stage {} ({}{})", order.stage, kind,
                       order.ranks.empty() ? "" : fmt::format(" on ranks {}", fmt::join(order.ranks, ",")));
}

/// Runs one stage on a thread of its own and tells the coordinator how it went.
class StageThread {
  public:
    StageThread(const RunStage& order, StageContext& context, Channel& channel)
        : trains_(std::holds_alternative<TrainStage>(order.spec)),
          thread_(
              [this, order, &context, &channel,
               turn = context.groups.take_turn(order.ranks)](const std::stop_token& stop) mutable {  // as they arrive
                  compute_on_one_thread();
                  if (!order.ranks.empty()) ask_for_short_turns();
                  const Message outcome = run(order, context, channel, stop, std::move(turn));
                  // What was left before its end has no outcome; of a group the first rank tells.
                  if (!stop.stop_requested() && !context.no_more_epochs && order.leads)
                      channel.send(Channel::kCoordinator, outcome);
                  ended_ = true;
              }) {}

    bool ended() const { return ended_; }
    bool trains() const { return trains_; }
    void request_stop() { thread_.request_stop(); }

  private:
    /// The turn in its group ends with the stage, before that is told.
    static Message run(const RunStage& order, StageContext& context, Channel& channel, const std::stop_token& stop,
                       Groups::Turn turn) {
        const auto start = Clock::now();
        const auto tell = [&](const Message& message) {
            if (order.leads) channel.send(Channel::kCoordinator, message);
        };
        const StageReports reports = {
            .progress =
                [&](std::int64_t images) {
                    tell(Progress{order.stage, images});
                },
            .epoch =
                [&](int trajectory, const EpochMetrics& metrics, const std::string& obsolete) {
                    tell(EpochDone{order.stage, trajectory, metrics, obsolete});
                },
            .trajectory_failed =
                [&](int trajectory, const std::string& message) {
                    tell(TrajectoryFailed{order.stage, trajectory, message});
                }};
        const InFlight in_flight(stage_name(order), order.trials);
        try {
            const StageResult result = run_stage(order.spec, context, reports, stop, turn.group());
            const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
            return StageDone{order.stage, seconds, result.bytes, result.bad_images, result.reused, result.computed};
        } catch (const UserError& error) {
            return StageFailed{order.stage, error.what(), FailureScope::sweep};
        } catch (const std::bad_alloc&) {
            return StageFailed{order.stage, "out of memory", FailureScope::its_trials};
        } catch (const std::exception& error) {
            return StageFailed{order.stage, error.what(),
                               is_storage_error(error) ? FailureScope::sweep_for_now : FailureScope::its_trials};
        }
    }

    std::atomic<bool> ended_ = false;
    bool trains_;
    std::jthread thread_;  // last: it uses the others
};

/// Takes orders, and sees to it that the coordinator hears of this rank and is heard of.
class Server {
  public:
    Server(Channel& channel, const ServeOptions& options)
        : channel_(channel),
          options_(options),
          beat_(Silence::beat(options.patience)),
          silence_(1, options.patience, Clock::now()),
          context_{.threads = options.threads, .groups = Groups(options.make_group), .datasets = {}, .weights = {}} {}

    void serve() {
        channel_.send(Channel::kCoordinator, Hello{host_name(), options_.threads});
        while (!stopping_ || !running_.empty()) {
            // Nothing tells this thread when a stage has ended: while it waits for that it looks more often.
            const auto envelope = channel_.receive(std::chrono::milliseconds(stopping_ ? 10 : 50));
            running_.remove_if([](const StageThread& stage) { return stage.ended(); });
            show_life();
            watch_memory();
            if (envelope) obey(envelope->message);
            if (silence_.look(Clock::now())) return options_.coordinator_lost();
        }
        channel_.send(Channel::kCoordinator, Goodbye{});
    }

  private:
    void show_life() {
        if (Clock::now() - last_beat_ < beat_) return;
        channel_.send(Channel::kCoordinator, Alive{});
        last_beat_ = Clock::now();
    }

    /// Nobody can tell afterwards why the kernel ended a process: who is near the limit says so beforehand.
    void watch_memory() {
        const MemoryUse use = running_.empty() ? MemoryUse{} : memory_use();
        if (use.near_limit())
            write_crash_report(
                fmt::format("{} of {} of memory were in use", byte_size_text(use.used), byte_size_text(use.limit)));
        else if (memory_was_short_)
            withdraw_crash_report();
        memory_was_short_ = use.near_limit();
    }

    void obey(const Message& message) {
        silence_.heard(0, Clock::now());
        if (const auto* order = std::get_if<RunStage>(&message)) {
            if (!order->reports.empty()) report_crashes(order->reports, options_.rank);
            running_.emplace_back(*order, context_, channel_);
        } else if (const auto* stop = std::get_if<Stop>(&message)) {
            stopping_ = true;
            context_.no_more_epochs = true;
            for (StageThread& stage : running_)
                if (!stop->after_epoch || !stage.trains()) stage.request_stop();
        } else {
            THAW_CHECK(std::holds_alternative<Alive>(message), "a worker got a message of type {}", message.index());
        }
    }

    Channel& channel_;
    const ServeOptions& options_;
    std::chrono::milliseconds beat_;
    Silence silence_;
    Clock::time_point last_beat_ = Clock::now();
    StageContext context_;
    std::list<StageThread> running_;  // last: they use the others
    bool stopping_ = false, memory_was_short_ = false;
};

}  // namespace

void serve(Channel& channel, const ServeOptions& options) {
    Server(channel, options).serve();
}

}  // namespace thaw
