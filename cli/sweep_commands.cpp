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
#include "cli/winner.hpp"
#include "common/mpi/host_ranks.hpp"
#include "common/mpi/mpi_world.hpp"
#include "common/util/atomic_file.hpp"
#include "common/util/cache_folder.hpp"
#include "common/util/error.hpp"
#include "common/util/exit_code.hpp"
#include "common/util/fingerprint.hpp"
#include "common/util/in_flight.hpp"
#include "common/util/placement.hpp"
#include "common/util/storage.hpp"
#include "coordinator/dispatch/coordinator.hpp"
#include "coordinator/dispatch/heartbeat.hpp"
#include "coordinator/dispatch/unfinished.hpp"
#include "coordinator/sweep/sweep_schema.hpp"
#include "results/export/live_events.hpp"
#include "results/query/query.hpp"
#include "results/report/report.hpp"
#include "results/store/store.hpp"
#include "worker/communicator/communicator.hpp"
#include "worker/data/findings.hpp"
#include "worker/data/image_folder.hpp"
#include "worker/data/thumbnail.hpp"
#include "worker/preflight.hpp"
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

std::map<std::string, std::string> describe_environment(const Inputs& inputs, int ranks, int threads) {
    const BlasInfo blas = inspect_blas();
    if (blas.slow())
        spdlog::warn(
            "the BLAS in use ({}) makes {:.1f} GFLOP/s, tens of times less than OpenBLAS; install "
            "libopenblas0-pthread",
            blas.name, blas.gflops);
    std::map<std::string, std::string> environment = {
        {"thaw", THAW_VERSION},
        {"host", host_name()},
        {"ranks", std::to_string(ranks)},
        {"device", device_name()},
        {"threads per rank", std::to_string(threads)},
        {"blas", fmt::format("{} ({:.0f} GFLOP/s on one thread)", blas.name, blas.gflops)},
        {"frozen executor", inputs.frozen_back_end},
        {"images", decoding_text(inputs.decode)}};
    for (const auto& [name, spec] : inputs.weights)
        if (!spec.path.empty())
            environment[fmt::format("weights {} {}", name.first, name.second)] =
                fmt::format("{}, sha256 {}", spec.path, spec.sha256);
    return environment;
}

std::string findings_text(const Inputs& inputs) {
    std::string text;
    for (const std::string& finding : inputs.findings) text += fmt::format("data: {}\n", finding);
    return text;
}

SweepRecord record_of(const PreparedSweep& prepared, const SweepOptions& options, int ranks) {
    SweepRecord record;
    record.name = prepared.sweep.name;
    record.yaml = prepared.sweep.source.text;
    record.command_line = options.command_line;
    record.data_folder = prepared.inputs.data_folder;
    // What is decoded in another way is other data: accuracies on it are not compared.
    Fingerprint data;
    data.add(prepared.inputs.dataset_fingerprint);
    add_to(data, prepared.inputs.decode);
    record.data_fingerprint = data.hex();
    record.classes = prepared.inputs.classes;
    record.train_images = prepared.inputs.train_images;
    record.validation_images = prepared.inputs.validation_images;
    record.test_images = prepared.inputs.test_images;
    record.findings = prepared.inputs.findings;
    const Dataset dataset = read_dataset(prepared.inputs.dataset);
    const std::map<std::size_t, std::string> copies = trained_copies(dataset);
    for (std::size_t i = 0; i < dataset.images.size(); ++i) {
        const ImageFile& image = dataset.images[i];
        const auto copy = copies.find(i);
        if (image.validates())
            record.validation.push_back({image.path, image.label, copy == copies.end() ? "" : copy->second});
        if (image.part == Part::test) record.test.push_back({image.path, image.label});
    }
    record.environment = describe_environment(prepared.inputs, ranks, options.threads);
    return record;
}

/// What is finished is not trained again.
void warn_of_missing_checkpoints(const RunInputs& inputs, const std::vector<std::string>& finished) {
    if (inputs.keep == Keep::none) return;
    const auto missing = std::count_if(finished.begin(), finished.end(), [&](const std::string& id) {
        return !fs::exists(fs::path(inputs.checkpoints) / (id + ".safetensors"));
    });
    if (missing > 0)
        spdlog::warn(
            "{} finished trials have no checkpoint: they were trained without `keep`, and are not trained "
            "again; a sweep under another `name:` trains them with it",
            missing);
}

/// Writes the invocation down, and finds what earlier ones have left to do.
Unfinished begin(const PreparedSweep& prepared, const SweepRecord& record, Store& store, Pruner& pruner) {
    const RunInputs& inputs = prepared.inputs;
    for (const fs::path& folder : {prepared.scratch, fs::path(inputs.checkpoints), fs::path(inputs.phases)})
        remove_unfinished_files(folder);  // the store is open: no other run writes there
    store.begin_sweep(record, prepared.trials, read_crash_reports(prepared.scratch));
    remove_crash_reports(prepared.scratch);
    remember_run(prepared.scratch, inputs);
    Unfinished left = unfinished_of(prepared.trials, store, pruner);
    give_up_later_phases(left, inputs, store);
    warn_of_missing_checkpoints(inputs, left.finished);
    return left;
}

/// The plan for what is left, once there is room for it.
Plan plan_rest(const SweepOptions& options, PreparedSweep& prepared, Unfinished& left, const CacheFolder& cache,
               Store& store) {
    Plan plan =
        plan_of(options, prepared, std::move(left.trials), stop_requested, std::move(left.known_epochs), left.suspects);
    for (const std::string& snapshot : snapshots_needed(plan, prepared.inputs, cache.path().string()))
        cache.use(snapshot);
    require_disk_space(plan, cache, prepared.inputs.phases);
    store.record_prediction(plan.predicted_seconds);
    return plan;
}

/// How the invocation ended, as the results have it.
const char* outcome_name(const Outcome& outcome) {
    if (!outcome.input_error.empty()) return "wrong input";
    return outcome.interrupted || !outcome.storage_error.empty() ? "interrupted" : "ok";
}

/// All that is written into the results: from what is left to do to the winner.
Outcome carry_out(const SweepOptions& options, PreparedSweep& prepared, const SweepRecord& record, Channel& channel,
                  const MpiWorld* world, std::optional<Heartbeat>& heartbeat) {
    const fs::path database = prepared.folder / "results.db";
    Store store(database);
    const CacheFolder cache(options.cache_folder(), prepared.inputs.cache_budget);
    const RunningSweep running = cache.begin_sweep();
    Pruner pruner(prepared.sweep.search.stopping, prepared.trials);
    Unfinished left = begin(prepared, record, store, pruner);
    const Plan plan = plan_rest(options, prepared, left, cache, store);
    if (!options.quiet)
        fmt::print(stderr, "{}{}: {} trials{}, {} stages, on {} {} of {} threads; BLAS: {}\n",
                   findings_text(prepared.inputs), prepared.sweep.name, prepared.trials.size(), before_text(left),
                   plan.stages.size(), channel.size(), channel.size() == 1 ? "rank" : "ranks", options.threads,
                   record.environment.at("blas"));
    CoordinatorOptions how{.cache = (plan.shared ? cache.path() : prepared.scratch).string()};
    std::optional<LiveEvents> live;
    if (!options.live.empty()) {
        live.emplace(options.live);
        how.on_epoch = [&](const std::string& trial, const EpochMetrics& metrics) { live->epoch_done(trial, metrics); };
    }
    if (world) how.hosts = world->hosts();
    how.reports = fs::absolute(prepared.scratch).string();
    ProgressDisplay progress(stderr, ProgressDisplay::mode_for(stderr, options.quiet));
    Outcome outcome = coordinate(plan, prepared.inputs, channel, store, progress, pruner, stop_requested, how);
    heartbeat.reset();
    if (live) live->finish(database);
    outcome.failed += static_cast<int>(left.given_up.size());
    if (!outcome.interrupted && outcome.input_error.empty() && outcome.storage_error.empty())
        outcome.interrupted = !attend_to_winner(options, prepared, store, cache, stop_requested);
    store.end_sweep(outcome_name(outcome), outcome.seconds);
    return outcome;
}

/// The report, and what of it fits on a terminal.
void show_results(const SweepOptions& options, const PreparedSweep& prepared, const SweepRecord& record) {
    const fs::path database = prepared.folder / "results.db", html = prepared.folder / "report.html";
    const std::string copies = write_report(database, html, prepared.folder / "report.md", thumbnail);
    if (options.quiet) return;
    fmt::print("{}\n{}{}report: {}\n", leaderboard_text(database), copies, copies.empty() ? "" : "\n",
               fs::absolute(html).string());
    if (std::ranges::any_of(record.test, [](const ImageRecord& image) { return image.label < 0; }))
        fmt::print(
            "test images without classes: `thaw predict {}{} --test --csv > predictions.csv` says what the best "
            "trial takes them for\n",
            prepared.sweep.name, options.runs == "runs" ? "" : " --runs " + options.runs);
}

/// Rank 0's part of `thaw run`: from the sweep file to the report. Workers hear `heartbeat` until
/// they have been dismissed.
int run_as_coordinator(const SweepOptions& options, Channel& channel, const MpiWorld* world,
                       std::optional<Heartbeat>& heartbeat) {
    PreparedSweep prepared;
    prepare(options, channel.size(), !world || world->local_size() == world->size(), prepared);
    const SweepRecord record = record_of(prepared, options, channel.size());
    const Outcome outcome = carry_out(options, prepared, record, channel, world, heartbeat);
    if (!outcome.input_error.empty()) throw UserError("{}", outcome.input_error);
    if (!outcome.storage_error.empty()) throw StorageError(outcome.storage_error);
    show_results(options, prepared, record);
    if (outcome.interrupted) {
        fmt::print(stderr, "thaw: interrupted; run the same command to go on\n");
        return kInterrupted;
    }
    return outcome.failed > 0 ? kSomeTrialsFailed : kDone;
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
    std::optional<Heartbeat> heartbeat;
    heartbeat.emplace(*ends.coordinator, patience);
    try {
        return run_as_coordinator(options, *ends.coordinator, world ? &*world : nullptr, heartbeat);
    } catch (const RankLost& error) {
        end_world(error);
    } catch (const std::exception& error) {
        // The other ranks wait for orders: without a word they would wait for ever.
        if (heartbeat && dismiss_workers(*ends.coordinator, Stop{is_storage_error(error)}, patience)) end_world(error);
        print_error(error);
        return exit_code_of(error);
    }
}

/// What expand() did before there was a plan.
PassReport same_trial_report(std::size_t merged, std::size_t excluded) {
    PassReport report{"same_trial", fmt::format("{} points of the grid are the same trial as another", merged), {}};
    if (merged)
        report.details.push_back(
            "equal values, two spellings of one freeze depth, dropout rates of a head without hidden layers, or "
            "precisions where nothing is frozen");
    if (excluded) report.details.push_back(fmt::format("{} points were excluded before", excluded));
    return report;
}

int show_plan(SweepOptions options, int ranks, bool explain) {
    prepare_process();
    take_place(options, false);
    PreparedSweep prepared;
    prepare(options, ranks, true, prepared);
    Plan plan = plan_of(options, prepared, std::move(prepared.trials), stop_requested);
    plan.reports.insert(plan.reports.begin(), same_trial_report(prepared.merged, prepared.excluded));
    fmt::print("{}{}", findings_text(prepared.inputs), plan_text(plan, prepared.inputs, explain));
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
    struct Words {
        SweepOptions run, plan, submit;
        SlurmJob job;
        int ranks = 1;
        bool explain = false, dry_run = false;
    };
    const auto words = std::make_shared<Words>();
    words->run.command_line = command_line;
    auto* run = app.add_subcommand("run", "Run a sweep, or go on with it; also under mpirun");
    add_sweep_options(*run, words->run);
    run->add_option("--live", words->run.live, "Write TensorBoard's event files here while trials train")
        ->type_name("FOLDER");
    run->add_flag("--quiet,-q", words->run.quiet, "Print nothing but errors");
    run->footer(
        "Examples:\n  thaw run sweeps/quickstart.yaml\n  mpirun -n 4 thaw run sweep.yaml --runs /scratch/runs\n"
        "Exit codes: 0 all done, 1 some trials failed, 2 wrong input, 75 interrupted (run it again to go on)");
    run->callback([words, &exit_code] { exit_code = run_sweep(words->run); });

    auto* plan = app.add_subcommand("plan", "Show what a sweep would do: trials, distinct stages, what is shared");
    add_sweep_options(*plan, words->plan);
    plan->footer("Examples:\n  thaw plan sweeps/problem_one.yaml\n  thaw plan sweeps/problem_one.yaml --explain");
    plan->add_option("--ranks", words->ranks, "Plan for so many ranks like this one")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    plan->add_flag("--explain", words->explain, "Say what each pass chose or declined, and why");
    plan->callback([words, &exit_code] { exit_code = show_plan(words->plan, words->ranks, words->explain); });

    auto* schema = app.add_subcommand("schema", "Print the JSON Schema of sweep files, for editors");
    schema->footer(
        "Example: thaw schema > sweep.schema.json\n"
        "and as the first line of a sweep: # yaml-language-server: $schema=sweep.schema.json");
    schema->callback([] { fmt::print("{}", sweep_schema(vocabulary())); });

    auto* submit = app.add_subcommand("submit", "Hand a sweep to Slurm, where it goes on until it is done");
    add_sweep_options(*submit, words->submit);
    submit->add_flag("--quiet,-q", words->submit.quiet, "Print nothing but errors");
    const std::vector<CLI::Option*> passed_on = submit->get_options();
    add_slurm_options(*submit, words->job);
    submit->add_flag("--dry-run", words->dry_run, "Show the script; write and submit nothing");
    submit->footer("Example: thaw submit sweep.yaml --nodes 2 --gpus-per-node 4 --time 12:00:00 --dry-run");
    submit->callback([words, passed_on, &exit_code] {
        exit_code = submit_sweep(words->submit, given_words(passed_on), words->job, words->dry_run);
    });
}

}  // namespace thaw
