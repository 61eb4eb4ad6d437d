#include "cli/prepared_sweep.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <system_error>

#include "common/backbones/backbones.hpp"
#include "common/trial/epoch_rules.hpp"
#include "common/util/byte_size.hpp"
#include "common/util/error.hpp"
#include "coordinator/plan/phases.hpp"
#include "coordinator/sweep/expand.hpp"
#include "coordinator/sweep/read_loss.hpp"
#include "coordinator/sweep/sweep_file.hpp"
#include "worker/measure.hpp"
#include "worker/preflight.hpp"
#include "worker/torch/device.hpp"
#include "worker/weights/registry.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_of_backbones() {
    std::vector<std::string> names;
    for (const BackboneInfo& info : backbones()) names.push_back(info.name);
    return names;
}

/// Where the file says that these weights are taken, else where it names the backbone.
Place place_of(const Sweep& sweep, const std::string& backbone, const std::string& weights) {
    Place place;
    const auto look = [&](const std::vector<Axis>& axes) {
        for (const Axis& axis : axes)
            for (const AxisValue& value : axis.values) {
                const auto* setting = std::get_if<WeightsSetting>(&value.setting);
                const auto* name = std::get_if<std::string>(&value.setting);
                if (setting && setting->name == weights && value.place) place = value.place;
                if (axis.id == axis_id("backbone") && name && *name == backbone && !place) place = value.place;
            }
    };
    look(sweep.axes);
    for (const Rule& rule : sweep.when) look(rule.then);
    return place;
}

std::vector<NetworkRequest> networks_of(const Sweep& sweep, const std::vector<Trial>& trials) {
    std::set<std::pair<std::string, std::string>> seen;
    std::vector<NetworkRequest> networks;
    for (const Trial& trial : trials) {
        if (!seen.emplace(trial.backbone, trial.weights).second) continue;
        const auto found = sweep.weights_overrides.find(trial.weights);
        const WeightsOverride override = found == sweep.weights_overrides.end() ? WeightsOverride{} : found->second;
        networks.push_back({trial.backbone, trial.weights, trial.image_size, override.preprocessing, override.padding,
                            [&sweep, place = place_of(sweep, trial.backbone, trial.weights)](
                                const std::string& message) { return error_at(sweep.source, place, message); }});
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

/// Gives every trial its id. What surrounds them is the same for all of one network.
void name_trials(std::vector<Trial>& trials, const Inputs& inputs) {
    std::map<std::pair<std::string, std::string>, std::string> contexts;
    for (Trial& trial : trials) {
        std::string& context = contexts[{trial.backbone, trial.weights}];
        if (context.empty()) context = trial_context(trial, inputs);
        trial.id = trial_id(trial, context);
    }
}

void require_space_for_phases(const Plan& plan, const fs::path& folder) {
    std::error_code unknown;
    const auto free = fs::space(folder, unknown).available;
    if (!unknown && plan.phase_bytes > 0 && free < static_cast<std::uintmax_t>(plan.phase_bytes))
        throw UserError(
            "{} has {} free, but the plan writes {} of weights there that later phases go on from; free some space or "
            "choose another place with --runs",
            folder.string(), byte_size_text(static_cast<std::int64_t>(free)), byte_size_text(plan.phase_bytes));
}

/// Without validation images there is nothing to watch, and every training would end where patience does.
void require_what_is_monitored(const std::vector<Trial>& trials, const Inputs& inputs) {
    const auto on_validation = [](Monitor monitor) {
        return monitor == Monitor::validation_loss || monitor == Monitor::validation_accuracy;
    };
    for (const Trial& trial : trials) {
        const bool stops = !trial.early_stop.none() && on_validation(trial.early_stop.monitor);
        const bool reduces = is_monitoring(trial.schedule) && on_validation(trial.schedule.monitor);
        if (inputs.validation_images == 0 && (stops || reduces))
            throw UserError(
                "{} monitors the validation images, but there are none; give data.split.validation a larger share, or "
                "write `monitor: train_loss`",
                stops ? "early_stopping" : "schedule");
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

}  // namespace

Vocabulary vocabulary() {
    Vocabulary words;
    words.backbones = names_of_backbones();
    for (const WeightsEntry& entry : weights_registry()) words.weights.push_back(entry.name);
    words.preprocessings = preprocessing_names();
    return words;
}

void make_folder(const fs::path& folder, const char* option) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        throw UserError("cannot make the folder {}: {}; choose another place with {}", folder.string(), error.message(),
                        option);
    if (::access(folder.c_str(), W_OK) != 0)
        throw UserError("cannot write in the folder {}; choose another place with {}", folder.string(), option);
}

Plan plan_of(const SweepOptions& options, PreparedSweep& prepared, std::vector<Trial> trials,
             const std::atomic<bool>& stop, std::unordered_map<std::string, int> known_epochs,
             std::set<std::string> suspects) {
    constexpr double kWorthMeasuring = 5;  // s
    const fs::path file = speeds_file(options.threads, on_gpu() ? "gpu" : "");
    PlanInputs inputs{prepared.inputs, Speeds::read(file)};
    PlanOptions wanted{!options.no_sharing, prepared.sweep.search.stopping, &*prepared.group_sizes,
                       std::move(known_epochs), std::move(suspects)};
    trials = with_phases(std::move(trials), inputs, [&](const Trial& finished) {
        if (wanted.sharing && fs::exists(phase_weights(finished.id, inputs))) return false;
        return wanted.repeated.insert(finished.id).second;
    });
    if (wanted.sharing) {
        const CacheFolder cache(options.cache_folder());
        inputs.cached_arrays = cache.arrays();
        inputs.snapshots = cache.snapshots();
    }
    Plan plan = make_plan(std::move(trials), inputs, prepared.graphs, wanted);
    if (plan.unmeasured.empty() || plan.predicted_seconds < kWorthMeasuring) return plan;
    if (!options.quiet) fmt::print(stderr, "measuring this machine: {} short tests\n", plan.unmeasured.size());
    measure_speeds(plan.unmeasured, inputs, options.threads, options.cache_folder(), stop, inputs.speeds);
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

void read_trials(const SweepOptions& options, PreparedSweep& prepared) {
    prepared.sweep = read_sweep(options.file, vocabulary());
    for (const std::string& note : prepared.sweep.notes) spdlog::info("{}: {}", options.file, note);
    // Neither padding style changes how many layers there are.
    const DepthResolver resolve{
        [&](const std::string& backbone, const std::string& until, int image_size) {
            return resolve_until(prepared.graphs.get(backbone, image_size, "symmetric"), until);
        },
        [&](const std::string& backbone, const std::string& freeze, int image_size, int base_layers) {
            return resolve_freeze(prepared.graphs.get(backbone, image_size, "symmetric", base_layers), freeze);
        }};
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
    const Inputs found = inspect_inputs(request);
    require_what_is_monitored(prepared.trials, found);
    check_classes(sweep, prepared.trials, found.classes);
    prepared.inputs = {found, ranks, request.threads};
    prepared.inputs.cache_budget = budget_of(options, sweep);
    prepared.inputs.keep = sweep.keep;
    prepared.inputs.checkpoints = (prepared.folder / "checkpoints").string();
    if (sweep.keep != Keep::none) make_folder(prepared.inputs.checkpoints, "--runs");
    prepared.inputs.memory_budget = memory_budget_of(options, sweep, one_host);
    prepared.memory.emplace();
    prepared.inputs.memory_folder = prepared.memory->path().string();
    name_trials(prepared.trials, prepared.inputs);
    prepared.trials = with_phases(std::move(prepared.trials), prepared.inputs);
    prepared.inputs.phases = (prepared.folder / "phases").string();
    if (std::any_of(prepared.trials.begin(), prepared.trials.end(),
                    [](const Trial& trial) { return !trial.phases.empty(); }))
        make_folder(prepared.inputs.phases, "--runs");
    prepared.group_sizes.emplace(prepared.trials, prepared.inputs, prepared.graphs, sweep.ranks_per_trial);
}

std::string findings_text(const Inputs& inputs) {
    std::string text;
    for (const std::string& finding : inputs.findings) text += fmt::format("data: {}\n", finding);
    return text;
}

std::string dry_plan(const SweepOptions& options, int ranks, bool explain, const std::atomic<bool>& stop) {
    PreparedSweep prepared;
    prepare(options, ranks, true, prepared);
    Plan plan = plan_of(options, prepared, std::move(prepared.trials), stop);
    plan.reports.insert(plan.reports.begin(), same_trial_report(prepared.merged, prepared.excluded));
    return findings_text(prepared.inputs) + plan_text(plan, prepared.inputs, explain);
}

void require_disk_space(const Plan& plan, const CacheFolder& cache, const fs::path& phases) {
    require_space_for_phases(plan, phases);
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

}  // namespace thaw
