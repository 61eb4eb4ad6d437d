#include "worker/worker.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <list>
#include <new>
#include <thread>

#include "common/error.hpp"
#include "worker/stages.hpp"
#include "worker/threads.hpp"

namespace thaw {
namespace {

using Clock = std::chrono::steady_clock;

/// Runs one stage on a thread of its own and tells the coordinator how it went.
class Running {
  public:
    Running(const RunStage& order, StageContext& context, Channel& channel)
        : thread_([this, order, &context, &channel](const std::stop_token& stop) {
              compute_on_one_thread();
              const Message outcome = run(order, context, channel, stop);
              if (!stop.stop_requested() && order.leads) channel.send(Channel::kCoordinator, outcome);
              ended_ = true;
          }) {}

    bool ended() const { return ended_; }
    void request_stop() { thread_.request_stop(); }

  private:
    static Message run(const RunStage& order, StageContext& context, Channel& channel, const std::stop_token& stop) {
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
        try {
            const auto group = context.groups.get(order.ranks);
            const StageResult result = run_stage(order.spec, context, reports, stop, group.get());
            const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
            return StageDone{order.stage, seconds, result.bytes, result.bad_images, result.reused, result.computed};
        } catch (const UserError& error) {
            return StageFailed{order.stage, error.what(), true};
        } catch (const std::bad_alloc&) {
            return StageFailed{order.stage, "out of memory", false};
        } catch (const std::exception& error) {
            return StageFailed{order.stage, error.what(), false};
        }
    }

    std::atomic<bool> ended_ = false;
    std::jthread thread_;  // last: it uses the others
};

std::string host_name() {
    char name[256] = "unknown";
    ::gethostname(name, sizeof name - 1);
    return name;
}

}  // namespace

void serve(Channel& channel, int threads, Groups::Maker make_group) {
    StageContext context{.threads = threads, .groups = Groups(std::move(make_group)), .datasets = {}, .weights = {}};
    std::list<Running> running;
    channel.send(Channel::kCoordinator, Hello{host_name(), threads});
    for (;;) {
        const auto envelope = channel.receive(std::chrono::milliseconds(200));
        running.remove_if([](const Running& stage) { return stage.ended(); });
        if (!envelope) continue;
        if (std::holds_alternative<Stop>(envelope->message)) break;
        const auto* order = std::get_if<RunStage>(&envelope->message);
        THAW_CHECK(order, "a worker got a message of type {}", envelope->message.index());
        running.emplace_back(*order, context, channel);
    }
    for (Running& stage : running) stage.request_stop();
    running.clear();  // joins
    channel.send(Channel::kCoordinator, Goodbye{});
}

}  // namespace thaw
