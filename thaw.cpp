// main: the subcommands. What they do lies in the rooms; here they are given names, options and an exit code.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>

#include "common/atomic_file.hpp"
#include "common/backbones/backbones.hpp"
#include "common/byte_size.hpp"
#include "common/cache_folder.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/fingerprint.hpp"
#include "common/memory_folder.hpp"
#include "common/mpi/host_ranks.hpp"
#include "common/mpi/mpi_world.hpp"
#include "common/placement.hpp"
#include "common/storage.hpp"
#include "coordinator/coordinator.hpp"
#include "coordinator/expand.hpp"
#include "coordinator/group_sizes.hpp"
#include "coordinator/heartbeat.hpp"
#include "coordinator/help.hpp"
#include "coordinator/plan.hpp"
#include "coordinator/submit.hpp"
#include "coordinator/sweep_file.hpp"
#include "coordinator/unfinished.hpp"
#include "results/query.hpp"
#include "results/report.hpp"
#include "results/store.hpp"
#include "worker/backbones_command.hpp"
#include "worker/communicator/communicator.hpp"
#include "worker/data/fashion_mnist.hpp"
#include "worker/data/thumbnail.hpp"
#include "worker/export_model.hpp"
#include "worker/measure.hpp"
#include "worker/network/device.hpp"
#include "worker/photo_commands.hpp"
#include "worker/preflight.hpp"
#include "worker/threads.hpp"
#include "worker/weights/weights_command.hpp"
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

struct SweepOptions {
    std::string file;
    std::string runs = "runs";
    std::string cache, disk, memory;  // empty: the default
    std::string weights_dir;
    std::string device = "auto";
    int threads = 0;  // 0: the cores this rank may use
    bool no_sharing = false, force = false, quiet = false;
    std::string command_line;

    fs::path folder_of(const std::string& name) const { return fs::path(runs) / name; }
    fs::path cache_folder() const { return cache.empty() ? fs::path(runs) / ".cache" : fs::path(cache); }
};

/// A sweep that has passed all checks.
struct PreparedSweep {
    Sweep sweep;
    Inputs inputs;
    std::vector<Trial> trials;  // with ids
    std::optional<GroupSizes> group_sizes;
    std::size_t merged = 0, excluded = 0;
    fs::path folder;   // runs/NAME
    fs::path scratch;  // in it: what this sweep alone needs while it runs
    std::optional<MemoryFolder> memory;
    GraphCache graphs;
};

void make_folder(const fs::path& folder, const char* option) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        throw UserError("cannot make the folder {}: {}; choose another place with {}", folder.string(), error.message(),
                        option);
    if (::access(folder.c_str(), W_OK) != 0)
        throw UserError("cannot write in the folder {}; choose another place with {}", folder.string(), option);
}

std::vector<std::string> names_of_backbones() {
    std::vector<std::string> names;
    for (const BackboneInfo& info : backbones()) names.push_back(info.name);
    return names;
}

Vocabulary vocabulary() {
    Vocabulary words;
    words.backbones = names_of_backbones();
    for (const WeightsEntry& entry : weights_registry()) words.weights.push_back(entry.name);
    words.preprocessings = preprocessing_names();
    return words;
}

std::vector<NetworkRequest> networks_of(const Sweep& sweep, const std::vector<Trial>& trials) {
    std::set<std::pair<std::string, std::string>> seen;
    std::vector<NetworkRequest> networks;
    for (const Trial& trial : trials) {
        if (!seen.emplace(trial.backbone, trial.weights).second) continue;
        const auto found = sweep.weights_overrides.find(trial.weights);
        const WeightsOverride override = found == sweep.weights_overrides.end() ? WeightsOverride{} : found->second;
        networks.push_back({trial.backbone, trial.weights, trial.image_size, override.preprocessing, override.padding});
    }
    return networks;
}

/// What the cache may hold: as the command line says, else as the sweep says.
std::int64_t budget_of(const SweepOptions& options, const Sweep& sweep) {
    if (!options.disk.empty()) return parse_byte_size(options.disk);
    return sweep.disk > 0 ? sweep.disk : std::max<std::int64_t>(default_cache_budget(options.cache_folder()), 1);
}

/// What features may take of memory. Ranks on several hosts do not see each other's.
std::int64_t memory_budget_of(const SweepOptions& options, const Sweep& sweep, bool one_host) {
    if (!one_host) return 0;
    if (!options.memory.empty()) return parse_byte_size(options.memory);
    return sweep.memory > 0 ? sweep.memory : default_memory_budget();
}

/// The plan for these trials. Where it is long enough for that to be a small part of it, what it wants to know of this
/// machine and is not known yet is measured first.
Plan plan_of(const SweepOptions& options, PreparedSweep& prepared, std::vector<Trial> trials,
             std::unordered_map<std::string, int> known_epochs = {}, std::set<std::string> suspects = {}) {
    constexpr double kWorthMeasuring = 5;  // s
    Inputs& inputs = prepared.inputs;
    const fs::path file = speeds_file(options.threads, on_gpu() ? "gpu" : "");
    inputs.speeds = Speeds::read(file);
    const PlanOptions wanted{!options.no_sharing, prepared.sweep.search.stopping, &*prepared.group_sizes,
                             std::move(known_epochs), std::move(suspects)};
    if (wanted.sharing) {
        const CacheFolder cache(options.cache_folder());
        inputs.cached_arrays = cache.arrays();
        inputs.snapshots = cache.snapshots();
    }
    Plan plan = make_plan(std::move(trials), inputs, prepared.graphs, wanted);
    if (plan.unmeasured.empty() || plan.predicted_seconds < kWorthMeasuring) return plan;
    if (!options.quiet) fmt::print(stderr, "measuring this machine: {} short tests\n", plan.unmeasured.size());
    measure_speeds(plan.unmeasured, inputs, options.threads, options.cache_folder(), stop_requested, inputs.speeds);
    std::error_code ignored;  // a machine whose speeds cannot be kept is measured again
    fs::create_directories(file.parent_path(), ignored);
    try {
        inputs.speeds.write(file);
    } catch (const std::system_error& error) {
        spdlog::warn("{}: what was measured is not kept", error.what());
    }
    std::vector<Trial> same = std::move(plan.trials);
    plan = {};  // there may be a million stages in it
    return make_plan(std::move(same), inputs, prepared.graphs, wanted);
}

/// Gives every trial its id. What surrounds them is the same for all of one network.
void name_trials(std::vector<Trial>& trials, const Inputs& inputs) {
    std::map<std::pair<std::string, std::string>, std::string> contexts;
    for (Trial& trial : trials) {
        std::string& context = contexts[{trial.backbone, trial.weights}];
        if (context.empty()) context = trial_context(trial, inputs);
        trial.id = trial_id(trial, context);
    }
}

/// What the sweep file alone can tell.
void read_trials(const SweepOptions& options, PreparedSweep& prepared) {
    prepared.sweep = read_sweep(options.file, vocabulary());
    const auto resolve = [&](const std::string& backbone, const std::string& freeze, int image_size) {
        // Neither padding style changes how many layers there are.
        return resolve_freeze(prepared.graphs.get(backbone, image_size, "symmetric"), freeze);
    };
    Expansion expansion = expand(prepared.sweep, resolve, options.force);
    prepared.trials = std::move(expansion.trials);
    prepared.merged = expansion.merged;
    prepared.excluded = expansion.excluded;
    prepared.folder = options.folder_of(prepared.sweep.name);
}

void prepare(const SweepOptions& options, int ranks, bool one_host, PreparedSweep& prepared) {
    read_trials(options, prepared);
    const Sweep& sweep = prepared.sweep;
    prepared.scratch = prepared.folder / "scratch";
    make_folder(prepared.scratch, "--runs");
    make_folder(options.cache_folder(), "--cache");
    PreflightRequest request;
    request.data_folder = sweep.data.folder;
    request.split = sweep.data.split;
    request.decode = sweep.data.decode;
    request.on_bad_image = sweep.data.on_bad_image;
    request.networks = networks_of(sweep, prepared.trials);
    for (const Trial& trial : prepared.trials) request.precisions.insert(trial.precision);
    request.weights_folders = weights_folders(options.weights_dir);
    request.scratch = prepared.scratch;
    request.cache = options.cache_folder();
    request.threads = std::max(options.threads, 1);
    prepared.inputs = inspect_inputs(request);
    prepared.inputs.cache_budget = budget_of(options, sweep);
    prepared.inputs.ranks = ranks;
    prepared.inputs.keep = sweep.keep;
    prepared.inputs.checkpoints = (prepared.folder / "checkpoints").string();
    if (sweep.keep != Keep::none) make_folder(prepared.inputs.checkpoints, "--runs");
    prepared.inputs.memory_budget = memory_budget_of(options, sweep, one_host);
    prepared.memory.emplace();
    prepared.inputs.memory_folder = prepared.memory->path().string();
    name_trials(prepared.trials, prepared.inputs);
    prepared.group_sizes.emplace(prepared.trials, prepared.inputs, prepared.graphs, sweep.ranks_per_trial);
}

/// All images and features that a sweep uses must be in the cache at once; snapshots may go.
void require_disk_space(const Plan& plan, const CacheFolder& cache) {
    if (!plan.shared) return;
    std::int64_t needed = plan.in_flight_bytes, largest = 0;
    for (const PlannedStage& stage : plan.stages) {
        if (stage.kind == StageKind::train) continue;
        needed += stage.predicted.bytes;
        largest = std::max(largest, stage.predicted.bytes);
    }
    if (needed > cache.budget())
        throw UserError(
            "the plan keeps {} ({} bytes) in the cache at once, up to {} of decoded images of one size and {} of "
            "snapshots of trainings in flight, but the cache may hold only {}; allow more with --disk or `disk:` in "
            "the sweep, or sweep over fewer image sizes at once",
            byte_size_text(needed), needed, byte_size_text(largest), byte_size_text(plan.in_flight_bytes),
            byte_size_text(cache.budget()));
    std::error_code unknown;
    const auto free = fs::space(cache.path(), unknown).available;
    const std::int64_t held = cache.held();
    if (!unknown && free < static_cast<std::uintmax_t>(std::max<std::int64_t>(needed - held, 0)))
        throw UserError(
            "{} has {} free, and {} that may be thrown out, but the plan writes {} of decoded images, features and "
            "snapshots there; free some space or choose another place with --cache",
            cache.path().string(), byte_size_text(static_cast<std::int64_t>(free)), byte_size_text(held),
            byte_size_text(needed));
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
        {"frozen executor", inputs.frozen_back_end}};
    for (const auto& [name, spec] : inputs.weights)
        if (!spec.path.empty())
            environment[fmt::format("weights {} {}", name.first, name.second)] =
                fmt::format("{}, sha256 {}", spec.path, spec.sha256);
    return environment;
}

SweepRecord record_of(const PreparedSweep& prepared, const SweepOptions& options, int ranks) {
    SweepRecord record;
    record.name = prepared.sweep.name;
    record.yaml = prepared.sweep.source.text;
    record.command_line = options.command_line;
    record.data_folder = prepared.inputs.data_folder;
    // What is decoded in another way is other data: accuracies on it are not compared.
    record.data_fingerprint = Fingerprint()
                                  .add(prepared.inputs.dataset_fingerprint)
                                  .add(to_string(prepared.inputs.decode.resize))
                                  .add(to_string(prepared.inputs.decode.interpolation))
                                  .hex();
    record.classes = prepared.inputs.classes;
    record.train_images = prepared.inputs.train_images;
    record.validation_images = prepared.inputs.validation_images;
    record.test_images = prepared.inputs.test_images;
    record.environment = describe_environment(prepared.inputs, ranks, options.threads);
    return record;
}

/// What is finished is not trained again.
void warn_of_missing_checkpoints(const Inputs& inputs, const std::vector<std::string>& finished) {
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

/// Rank 0's part of `thaw run`: from the sweep file to the report. Workers hear `heartbeat` until
/// they have been dismissed.
int run_as_coordinator(const SweepOptions& options, Channel& channel, const MpiWorld* world,
                       std::optional<Heartbeat>& heartbeat) {
    PreparedSweep prepared;
    prepare(options, channel.size(), !world || world->local_size() == world->size(), prepared);
    const fs::path database = prepared.folder / "results.db";
    Outcome outcome;
    {
        Store store(database);
        const SweepRecord record = record_of(prepared, options, channel.size());
        for (const fs::path& folder : {prepared.scratch, fs::path(prepared.inputs.checkpoints)})
            remove_unfinished_files(folder);  // the store is open: no other run writes there
        const CacheFolder cache(options.cache_folder(), prepared.inputs.cache_budget);
        const RunningSweep running = cache.begin_sweep();
        store.begin_sweep(record, prepared.trials);
        EarlyStopping stopping(prepared.sweep.search.stopping, prepared.trials);
        Unfinished left = unfinished_of(prepared.trials, store, stopping);
        warn_of_missing_checkpoints(prepared.inputs, left.finished);
        const Plan plan =
            plan_of(options, prepared, std::move(left.trials), std::move(left.known_epochs), std::move(left.suspects));
        for (const std::string& snapshot : snapshots_needed(plan, prepared.inputs, cache.path().string()))
            cache.use(snapshot);
        require_disk_space(plan, cache);
        store.record_prediction(plan.predicted_seconds);
        if (!options.quiet)
            fmt::print(stderr, "{}: {} trials{}, {} stages, on {} {} of {} threads; BLAS: {}\n", prepared.sweep.name,
                       prepared.trials.size(), before_text(left), plan.stages.size(), channel.size(),
                       channel.size() == 1 ? "rank" : "ranks", options.threads, record.environment.at("blas"));
        ProgressDisplay progress(stderr, ProgressDisplay::mode_for(stderr, options.quiet));
        outcome = coordinate(plan, prepared.inputs, channel, store, progress, stop_requested,
                             {.cache = (plan.shared ? cache.path() : prepared.scratch).string(),
                              .stopping = &stopping,
                              .hosts = world ? world->hosts() : std::vector<std::string>()});
        heartbeat.reset();
        outcome.failed += left.given_up;
        const bool left_early = outcome.interrupted || !outcome.storage_error.empty();
        store.end_sweep(!outcome.input_error.empty() ? "wrong input"
                        : left_early                 ? "interrupted"
                                                     : "ok",
                        outcome.seconds);
    }
    if (!outcome.input_error.empty()) throw UserError("{}", outcome.input_error);
    if (!outcome.storage_error.empty()) throw StorageError(outcome.storage_error);
    const fs::path html = prepared.folder / "report.html", markdown = prepared.folder / "report.md";
    write_report(database, html, markdown, thumbnail);
    if (!options.quiet) fmt::print("{}\nreport: {}\n", leaderboard_text(database), fs::absolute(html).string());
    if (outcome.interrupted) {
        fmt::print(stderr, "thaw: interrupted; run the same command to go on\n");
        return kInterrupted;
    }
    return outcome.failed > 0 ? kSomeTrialsFailed : kDone;
}

/// This rank's threads and device. The first on each host says where its ranks are badly placed. Collective where there
/// is a world.
void take_place(SweepOptions& options, bool launched) {
    HostRanks host{{allowed_cores()}, usable_cores(), launched, options.threads};
    int self = 0;
    if (launched) host.cores = gather_on_host(host.cores[0], self);
    const std::string warning = self == 0 && !options.quiet ? placement_warning(host, host_name()) : "";
    if (!warning.empty()) spdlog::warn("{} (`thaw help cluster` says more)", warning);
    options.threads = threads_of(host, static_cast<std::size_t>(self));
    choose_device(options.device, self);
}

/// The exit code that an error stands for.
int exit_code_of(const std::exception& error) {
    if (dynamic_cast<const UserError*>(&error)) return kWrongInput;
    if (is_storage_error(error) || dynamic_cast<const RankLost*>(&error)) return kInterrupted;
    return kSomeTrialsFailed;
}

void print_error(const std::exception& error) {
    fmt::print(stderr, "thaw: {}\n", error.what());
    if (exit_code_of(error) == kInterrupted) fmt::print(stderr, "thaw: interrupted; run the same command to go on\n");
    std::fflush(stderr);
}

/// A part of the world cannot be reached: the rest of it would wait for ever.
[[noreturn]] void end_world(const std::exception& error) {
    print_error(error);
    MpiWorld::abort(kInterrupted);
}

int run_sweep(SweepOptions options) {
    std::optional<MpiWorld> world;
    if (launched_by_mpi()) world.emplace();
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) std::signal(signal, request_stop);
    std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of who writes it
    prepare_process();
    const auto patience = usual_patience();
    take_place(options, world.has_value());
    const auto coordinator_lost = [&] {
        const std::string by = world ? fmt::format(" by rank {} ({})", world->rank(),
                                                   world->hosts()[static_cast<std::size_t>(world->rank())])
                                     : "";
        end_world(RankLost(fmt::format("rank 0, which coordinates, was not heard of for {:g} s{}",
                                       std::chrono::duration<double>(patience).count(), by)));
    };
    const auto make_group = [](const std::vector<int>& ranks) {
        auto control = make_mpi_communicator(ranks);
        return on_gpu() ? make_nccl_communicator(std::move(control), {.device = gpu_index()}) : std::move(control);
    };
    const ServeOptions serving{options.threads, patience, coordinator_lost, make_group};
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
    Plan plan = plan_of(options, prepared, std::move(prepared.trials));
    plan.reports.insert(plan.reports.begin(), same_trial_report(prepared.merged, prepared.excluded));
    fmt::print("{}", plan_text(plan, prepared.inputs, explain));
    return kDone;
}

/// Checks a sweep as far as a login node can, and hands it to Slurm; `words` are the options for `thaw run`.
int submit_sweep(const SweepOptions& options, const std::vector<std::string>& words, const SlurmJob& job,
                 bool dry_run) {
    PreparedSweep prepared;
    read_trials(options, prepared);
    std::vector<std::string> command = {fs::read_symlink("/proc/self/exe").string(), "run"};
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

std::string local_time_text(fs::file_time_type time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::file_clock::to_sys(time));
    const std::time_t since_1970 = std::chrono::system_clock::to_time_t(seconds);
    std::tm local{};
    ::localtime_r(&since_1970, &local);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
    return text.data();
}

void show_cache(const SweepOptions& options, bool clear, bool disk) {
    const CacheFolder cache(options.cache_folder());
    if (clear) fmt::print("{} freed\n", byte_size_text(cache.clear()));
    const std::vector<CacheEntry> entries = cache.entries();
    if (disk) {
        fmt::print("{} may hold {} unless a sweep says otherwise (`disk:` or --disk)\n", cache.path().string(),
                   byte_size_text(default_cache_budget(cache.path())));
    } else if (!entries.empty()) {
        fmt::print("{:<44} {:<16} {:>10}  last use\n", "what", "of", "size");
        for (const CacheEntry& entry : entries)
            fmt::print("{:<44} {:<16} {:>10}  {}{}\n", entry.what, entry.of, byte_size_text(entry.bytes),
                       local_time_text(entry.last_use), entry.in_use ? ", in use" : "");
    }
    fmt::print("{}: {} files, {}\n", cache.path().string(), entries.size(), byte_size_text(cache.held()));
}

/// A results database by the name of a sweep in --runs, its run folder, or its path.
fs::path find_database(const std::string& run, const std::string& runs) {
    for (const fs::path& candidate : {fs::path(runs) / run / "results.db", fs::path(run) / "results.db", fs::path(run)})
        if (fs::is_regular_file(candidate) && candidate.extension() == ".db") return candidate;
    throw UserError("no results for '{}': neither {}/{}/results.db nor {}/results.db is there; `thaw run` makes them",
                    run, runs, run, run);
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

int main_of(int argc, char** argv) {
    CLI::App app{
        "thaw: which pretrained backbone, frozen how deep, under which head, is best for your images?\n"
        "Example: thaw run sweeps/quickstart.yaml"};
    app.set_version_flag("--version", THAW_VERSION);
    app.require_subcommand(1);
    int exit_code = kDone;

    SweepOptions run_options;
    for (int i = 0; i < argc; ++i) run_options.command_line += (i ? " " : "") + std::string(argv[i]);
    auto* run = app.add_subcommand("run", "Run a sweep, or go on with it; also under mpirun");
    add_sweep_options(*run, run_options);
    run->add_flag("--quiet,-q", run_options.quiet, "Print nothing but errors");
    run->footer(
        "Examples:\n  thaw run sweeps/quickstart.yaml\n  mpirun -n 4 thaw run sweep.yaml --runs /scratch/runs\n"
        "Exit codes: 0 all done, 1 some trials failed, 2 wrong input, 75 interrupted (run it again to go on)");
    run->callback([&] { exit_code = run_sweep(run_options); });

    SweepOptions plan_options;
    auto* plan = app.add_subcommand("plan", "Show what a sweep would do: trials, distinct stages, what is shared");
    add_sweep_options(*plan, plan_options);
    plan->footer("Examples:\n  thaw plan sweeps/problem_one.yaml\n  thaw plan sweeps/problem_one.yaml --explain");
    bool explain = false;
    int ranks = 1;
    plan->add_option("--ranks", ranks, "Plan for so many ranks like this one")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    plan->add_flag("--explain", explain, "Say what each pass chose or declined, and why");
    plan->callback([&] { exit_code = show_plan(plan_options, ranks, explain); });

    SweepOptions submit_options;
    SlurmJob job;
    bool dry_run = false;
    auto* submit = app.add_subcommand("submit", "Hand a sweep to Slurm, where it goes on until it is done");
    add_sweep_options(*submit, submit_options);
    submit->add_flag("--quiet,-q", submit_options.quiet, "Print nothing but errors");
    const std::vector<CLI::Option*> passed_on = submit->get_options();
    add_slurm_options(*submit, job);
    submit->add_flag("--dry-run", dry_run, "Show the script; write and submit nothing");
    submit->footer("Example: thaw submit sweep.yaml --nodes 2 --gpus-per-node 4 --time 12:00:00 --dry-run");
    submit->callback([&] { exit_code = submit_sweep(submit_options, given_words(passed_on), job, dry_run); });

    std::string database, runs = "runs";
    QueryOptions query_options;
    bool csv = false, json = false;
    auto* query = app.add_subcommand("query", "Answer questions about a run: the leaderboard, a view, or SQL");
    query->add_option("run", database, "A sweep's name, its run folder, or its results.db")
        ->required()
        ->type_name("RUN");
    query
        ->add_option(
            "query", query_options.query,
            "A view (leaderboard, axis_effects, backbone_comparison, stopped_trials), a table, or one SQL statement; "
            "without: the leaderboard")
        ->type_name("QUERY");
    query->add_option("--top", query_options.top, "Rows of the leaderboard")->capture_default_str();
    query->add_option("--runs", runs, "Where run folders lie")->capture_default_str();
    auto* csv_flag = query->add_flag("--csv", csv, "Print CSV");
    query->add_flag("--json", json, "Print JSON")->excludes(csv_flag);
    query->footer(
        "Examples:\n  thaw query quickstart\n  thaw query quickstart axis_effects --csv\n"
        "  thaw query quickstart \"SELECT head, max(validation_accuracy) FROM leaderboard GROUP BY head\"");
    query->callback([&] {
        query_options.format = csv ? TableFormat::csv : json ? TableFormat::json : TableFormat::text;
        fmt::print("{}", run_query(find_database(database, runs), query_options));
    });

    std::string html, markdown;
    auto* report = app.add_subcommand("report", "Write the comparison report of a run, finished or not");
    report->add_option("run", database, "A sweep's name, its run folder, or its results.db")
        ->required()
        ->type_name("RUN");
    report->add_option("--html", html, "Default: report.html beside the results");
    report->add_option("--markdown", markdown, "Default: report.md beside the results");
    report->add_option("--runs", runs, "Where run folders lie")->capture_default_str();
    report->footer("Example: thaw report quickstart");
    report->callback([&] {
        const fs::path results = find_database(database, runs);
        const fs::path page = html.empty() ? results.parent_path() / "report.html" : fs::path(html);
        write_report(results, page, markdown.empty() ? results.parent_path() / "report.md" : fs::path(markdown),
                     thumbnail);
        fmt::print("{}\n", fs::absolute(page).string());
    });

    add_predict_command(app, exit_code);
    add_features_command(app);
    add_backbones_command(app);

    add_weights_command(app);
    add_export_command(app, find_database);

    SweepOptions cache_options;
    bool clear = false, disk = false;
    auto* cache = app.add_subcommand("cache", "List what sweeps keep of images and features, or clear it");
    cache->add_option("--cache", cache_options.cache, "The cache's folder (default: RUNS/.cache)")
        ->envname("THAW_CACHE");
    cache->add_option("--runs", cache_options.runs, "Where run folders lie")->capture_default_str();
    cache->add_flag("--clear", clear, "Remove all that no running sweep uses");
    cache->add_flag("--disk", disk, "Show how much it holds and may hold");
    cache->footer("Examples:\n  thaw cache\n  thaw cache --runs /scratch/runs --clear");
    cache->callback([&] { show_cache(cache_options, clear, disk); });

    auto* data = app.add_subcommand("data", "Make image folders");
    data->require_subcommand(1);
    std::string tree, idx_folder = kFashionMnistFolder;
    int per_class = 60, validation_per_class = 20;
    auto* fashion = data->add_subcommand("fashion-mnist", "Debian's dataset-fashion-mnist as a class-per-folder tree");
    fashion->add_option("out", tree, "The folder to make")->required()->type_name("FOLDER");
    fashion->add_option("--per-class", per_class, "Training images of each class")->capture_default_str();
    fashion->add_option("--validation-per-class", validation_per_class, "Validation images of each class")
        ->capture_default_str();
    fashion->add_option("--from", idx_folder, "Where the idx files are")->capture_default_str();
    fashion->footer("Example: thaw data fashion-mnist data/fashion --per-class 100");
    fashion->callback([&] { write_fashion_mnist_tree(idx_folder, tree, per_class, validation_per_class); });

    std::string topic;
    auto* help = app.add_subcommand("help", "More on a topic, such as cluster; without: the list of topics");
    help->add_option("topic", topic, "The topic")->type_name("TOPIC");
    help->callback([&] { fmt::print("{}", help_text(topic)); });

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kWrongInput;
    } catch (const std::exception& error) {
        print_error(error);
        return exit_code_of(error);
    }
    return exit_code;
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    // Results go to stdout, all else to stderr.
    spdlog::set_default_logger(spdlog::stderr_color_mt("thaw"));
    spdlog::set_pattern("thaw: %^%l%$: %v");
    return thaw::main_of(argc, argv);
}
