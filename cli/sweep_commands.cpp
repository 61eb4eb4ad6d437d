#include "cli/sweep_commands.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "cli/prepared_sweep.hpp"
#include "cli/submit_options.hpp"
#include "cli/sweep_run.hpp"
#include "common/mpi/host_ranks.hpp"
#include "common/mpi/mpi_world.hpp"
#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/exit_code.hpp"
#include "common/util/placement.hpp"
#include "common/util/storage.hpp"
#include "coordinator/dispatch/coordinator.hpp"
#include "coordinator/sweep/sweep_schema.hpp"
#include "worker/communicator/communicator.hpp"
#include "worker/torch/device.hpp"
#include "worker/torch/threads.hpp"
#include "worker/worker.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::atomic<bool> stop_requested{false};

/// Once: trainings finish the epoch they are at, all else is left. Again, more than a second later (launchers may
/// deliver one Ctrl-C twice): kill; nothing that is done is lost by that either.
void request_stop(int signal) {
    static std::atomic<std::time_t> first{0};
    const std::time_t now = std::time(nullptr);
    if (!stop_requested.exchange(true)) {
        first = now;
    } else if (now > first + 1) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
}

/// This rank's threads and device, and how it may wait for others. The first on each host says where its ranks are
/// badly placed. Collective where there is a world.
Polling take_place(SweepOptions& options, bool launched) {
    HostRanks host{{allowed_cores()}, usable_cores(), launched, options.threads};
    int self = 0;
    if (launched) host.cores = gather_on_host(host.cores[0], self);
    const std::string warning = self == 0 && !options.quiet ? placement_warning(host, host_name()) : "";
    if (!warning.empty()) spdlog::warn("{} (`thaw help clusters` says more)", warning);
    options.threads = threads_of(host, static_cast<std::size_t>(self));
    choose_device(options.device, self);
    return core_share(host, static_cast<std::size_t>(self)) < 1 ? Polling::on_shared_core : Polling::on_own_core;
}

/// A part of the world cannot be reached: the rest of it would wait for ever.
[[noreturn]] void end_world(const std::exception& error) {
    print_error(error);
    MpiWorld::abort(kInterrupted);
}

/// A bug is one more way to die for a world: the results stay, and the same command goes on.
void end_in_order_after_internal_errors(bool launched) {
    on_internal_error(launched ? [] { MpiWorld::abort(kInterrupted); } : [] { ::_exit(kInterrupted); });
    std::set_terminate([] {
        std::string what = "an exception that nobody caught";
        try {
            if (const auto error = std::current_exception()) std::rethrow_exception(error);
        } catch (const std::exception& error) {
            what = error.what();
        } catch (...) {
        }
        fail_internally(what);
    });
}

int run_sweep(SweepOptions options) {
    std::optional<MpiWorld> world;
    if (launched_by_mpi()) world.emplace();
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) std::signal(signal, request_stop);
    std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of who writes it
    prepare_process();
    end_in_order_after_internal_errors(world.has_value());
    const auto patience = usual_patience();
    const Polling polling = take_place(options, world.has_value());
    const auto coordinator_lost = [&] {
        const std::string by = world ? fmt::format(" by rank {} ({})", world->rank(),
                                                   world->hosts()[static_cast<std::size_t>(world->rank())])
                                     : "";
        end_world(RankLost(fmt::format("rank 0, which coordinates, was not heard of for {:g} s{}",
                                       std::chrono::duration<double>(patience).count(), by)));
    };
    const auto make_group = [polling](const std::vector<int>& ranks) {
        auto control = make_mpi_communicator(ranks, default_time_limit(), polling);
        return on_gpu() ? make_nccl_communicator(std::move(control), {.device = gpu_index()}) : std::move(control);
    };
    const ServeOptions serving{world ? world->rank() : 0, options.threads, patience, coordinator_lost, make_group};
    ChannelEnds ends = world ? make_mpi_channel() : make_local_channel(1);
    if (!ends.coordinator) {
        serve(*ends.workers[0], serving);
        return kDone;
    }
    std::jthread worker([&] { serve(*ends.workers[0], serving); });
    SweepWorld ranks{.patience = patience};
    if (world) {
        ranks.one_host = world->local_size() == world->size();
        ranks.hosts = world->hosts();
    }
    SweepRun sweep(options, *ends.coordinator, stop_requested, ranks);
    try {
        return sweep.execute();
    } catch (const RankLost& error) {
        end_world(error);
    } catch (const std::exception& error) {
        // The other ranks wait for orders: without a word they would wait for ever.
        if (!sweep.workers_are_gone() && dismiss_workers(*ends.coordinator, Stop{is_storage_error(error)}, patience))
            end_world(error);
        print_error(error);
        return exit_code_of(error);
    }
}

int show_plan(SweepOptions options, int ranks, bool explain) {
    prepare_process();
    take_place(options, false);
    fmt::print("{}", dry_plan(options, ranks, explain, stop_requested));
    return kDone;
}

/// Checks a sweep as far as a login node can, and hands it to Slurm; `words` are the options for `thaw run`.
int submit_sweep(const SweepOptions& options, const std::vector<std::string>& words, const SlurmJob& job,
                 bool dry_run) {
    PreparedSweep prepared;
    read_trials(options, prepared);
    const fs::path engine = fs::read_symlink("/proc/self/exe");
    std::vector<std::string> command = {engine.parent_path() / "thaw", "run"};
    command.insert(command.end(), words.begin(), words.end());
    const fs::path folder = fs::absolute(prepared.folder), script = folder / "sweep.sbatch";
    const std::string text =
        sbatch_script(job, prepared.sweep.name, command, fs::current_path(), folder / "slurm-%j.log");
    if (dry_run) {
        fmt::print("{}", text);
        return kDone;
    }
    make_folder(folder, "--runs");
    write_file(script, text);
    fmt::print(stderr, "{}: {} trials, {}\n", prepared.sweep.name, prepared.trials.size(), script.string());
    fmt::print("{}\n", submit_script(script));
    return kDone;
}

void add_sweep_options(CLI::App& command, SweepOptions& options) {
    command.add_option("sweep", options.file, "The sweep file")->required()->type_name("SWEEP.yaml");
    command.add_option("--runs", options.runs, "Where run folders lie; results land in RUNS/NAME")
        ->capture_default_str();
    command
        .add_option("--cache", options.cache, "Where sweeps keep decoded images and features (default: RUNS/.cache)")
        ->envname("THAW_CACHE");
    command.add_option("--memory", options.memory,
                       "What features may take of memory, such as '8 GB' (default: the sweep's `memory:`, else half of "
                       "what is available)");
    command.add_option("--disk", options.disk,
                       "What the cache may hold, such as '20 GB' (default: the sweep's `disk:`, else half of what is "
                       "free plus what the cache holds, at most 50 GB)");
    command.add_option("--weights-dir", options.weights_dir,
                       "Look for weight files here first, then in $THAW_WEIGHTS, then in ~/.cache/thaw/weights");
    command.add_option("--threads", options.threads, "Pieces of work at once on each rank (default: its cores)")
        ->check(CLI::PositiveNumber);
    command.add_option("--device", options.device, "What networks run on: a GPU for each rank of a host, or the CPU")
        ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
        ->capture_default_str();
    command.add_flag("--no-sharing", options.no_sharing,
                     "Do every trial's work anew (to check that sharing changes nothing)");
    command.add_flag("--force", options.force, "Allow more than a million trials");
}

}  // namespace

int exit_code_of(const std::exception& error) {
    return dynamic_cast<const RankLost*>(&error) ? kInterrupted : usual_exit_code(error);
}

void print_error(const std::exception& error) {
    fmt::print(stderr, "thaw: {}\n", error.what());
    if (exit_code_of(error) == kInterrupted) fmt::print(stderr, "thaw: interrupted; run the same command to go on\n");
    std::fflush(stderr);
}

void add_sweep_commands(CLI::App& app, const std::string& command_line, int& exit_code) {
    struct Commands {
        SweepOptions run, plan, submit;
        SlurmJob job;
        int ranks = 1;
        bool explain = false, dry_run = false;
    };
    const auto asked = std::make_shared<Commands>();
    asked->run.command_line = command_line;
    auto* run = app.add_subcommand("run", "Run a sweep, or go on with it; also under mpirun");
    add_sweep_options(*run, asked->run);
    run->add_option("--live", asked->run.live, "Write TensorBoard's event files here while trials train")
        ->type_name("FOLDER");
    run->add_flag("--quiet,-q", asked->run.quiet, "Print nothing but errors");
    run->footer(
        "Examples:\n  thaw run sweeps/quickstart.yaml\n  mpirun -n 4 thaw run sweep.yaml --runs /scratch/runs\n"
        "Exit codes: 0 all done, 1 some trials failed, 2 wrong input, 75 interrupted (run it again to go on)");
    run->callback([asked, &exit_code] { exit_code = run_sweep(asked->run); });

    auto* plan = app.add_subcommand("plan", "Show what a sweep would do: trials, distinct stages, what is shared");
    add_sweep_options(*plan, asked->plan);
    plan->footer("Examples:\n  thaw plan sweeps/problem_one.yaml\n  thaw plan sweeps/problem_one.yaml --explain");
    plan->add_option("--ranks", asked->ranks, "Plan for so many ranks like this one")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    plan->add_flag("--explain", asked->explain, "Say what each pass chose or declined, and why");
    plan->callback([asked, &exit_code] { exit_code = show_plan(asked->plan, asked->ranks, asked->explain); });

    auto* schema = app.add_subcommand("schema", "Print the JSON Schema of sweep files, for editors");
    schema->footer(
        "Example: thaw schema > sweep.schema.json\n"
        "and as the first line of a sweep: # yaml-language-server: $schema=sweep.schema.json");
    schema->callback([] { fmt::print("{}", sweep_schema(vocabulary())); });

    auto* submit = app.add_subcommand("submit", "Hand a sweep to Slurm, where it goes on until it is done");
    add_sweep_options(*submit, asked->submit);
    submit->add_flag("--quiet,-q", asked->submit.quiet, "Print nothing but errors");
    const std::vector<CLI::Option*> passed_on = submit->get_options();
    add_slurm_options(*submit, asked->job);
    submit->add_flag("--dry-run", asked->dry_run, "Show the script; write and submit nothing");
    submit->footer("Example: thaw submit sweep.yaml --nodes 2 --gpus-per-node 4 --time 12:00:00 --dry-run");
    submit->callback([asked, passed_on, &exit_code] {
        exit_code = submit_sweep(asked->submit, given_words(passed_on), asked->job, asked->dry_run);
    });
}

}  // namespace thaw
