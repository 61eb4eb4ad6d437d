// What the coordinator costs a trial: it carries out a plan whose stages do nothing, against two workers that answer at
// once, with a real database. Prints microseconds a trial.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "coordinator/dispatch/coordinator.hpp"
#include "tests/coordinator/plan/plan_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

void answer_at_once(Channel& channel) {
    channel.send(Channel::kCoordinator, Hello{"nowhere", 1});
    for (;;) {
        const auto envelope = channel.receive(std::chrono::seconds(60));
        if (!envelope || std::holds_alternative<Stop>(envelope->message)) break;
        const auto& order = std::get<RunStage>(envelope->message);
        if (const auto* train = std::get_if<TrainStage>(&order.spec))
            for (std::size_t at = 0; at < train->trajectories.size(); ++at)
                for (int epoch = 1; epoch <= train->trajectories[at].trial.epochs; ++epoch)
                    channel.send(Channel::kCoordinator,
                                 EpochDone{order.stage, static_cast<int>(at), {epoch, 1, 0.5, 1, 0.5, 0.1}});
        channel.send(Channel::kCoordinator, StageDone{order.stage, 0.1, 0, 0, false});
    }
    channel.send(Channel::kCoordinator, Goodbye{});
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of this process: computing, its own and the system's.
double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void measure(int count, int epochs) {
    GraphCache graphs;
    const PlanInputs inputs = made_up_inputs();
    std::vector<Trial> trials(static_cast<std::size_t>(count), made_up_trial(graphs, "all", epochs));
    for (std::size_t i = 0; i < trials.size(); ++i) {
        trials[i].seed = i + 1;
        trials[i].id = trial_id(trials[i], "context");
    }
    const auto print = [&](const char* what, double seconds, double cpu) {
        fmt::print("{:<28} {:8.3f} s {:8.1f} us a trial (cpu {:.1f})\n", what, seconds, 1e6 * seconds / count,
                   1e6 * cpu / count);
    };
    const TemporaryFolder folder;
    auto start = std::chrono::steady_clock::now();
    double cpu = cpu_seconds();
    const auto step = [&](const char* what) {
        print(what, seconds_since(start), cpu_seconds() - cpu);
        start = std::chrono::steady_clock::now();
        cpu = cpu_seconds();
    };
    const Plan plan = make_plan(trials, inputs, graphs);
    step("plan");
    Store store(folder / "results.db");
    store.begin_sweep(SweepRecord(), trials);
    step("trials into the database");
    ChannelEnds ends = make_local_channel(2);
    std::jthread first([&] { answer_at_once(*ends.workers[0]); }), second([&] { answer_at_once(*ends.workers[1]); });
    ProgressDisplay quiet(stderr, ProgressDisplay::Mode::quiet);
    const std::atomic<bool> stop{false};
    Pruner pruner({}, {});
    const Outcome outcome = coordinate(plan, inputs, *ends.coordinator, store, quiet, pruner, stop,
                                       {folder / "", std::chrono::seconds(60)});
    step("carried out, with workers");
    if (outcome.finished != count) {
        fmt::print(stderr, "{} of {} trials finished\n", outcome.finished, count);
        std::exit(1);
    }
}

}  // namespace
}  // namespace thaw

int main(int count, char** arguments) {
    thaw::measure(count > 1 ? std::atoi(arguments[1]) : 10000, count > 2 ? std::atoi(arguments[2]) : 4);
}
