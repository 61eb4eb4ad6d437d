#include "cli/sweep_run.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cli/winner.hpp"
#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/exit_code.hpp"
#include "common/util/fingerprint.hpp"
#include "common/util/in_flight.hpp"
#include "common/util/placement.hpp"
#include "common/util/storage.hpp"
#include "results/export/live_events.hpp"
#include "results/query/query.hpp"
#include "results/report/report.hpp"
#include "worker/data/findings.hpp"
#include "worker/data/image_folder.hpp"
#include "worker/data/thumbnail.hpp"
#include "worker/preflight.hpp"
#include "worker/torch/device.hpp"
#include "worker/torch/threads.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

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

}  // namespace

SweepRun::SweepRun(SweepOptions options, Channel& channel, const std::atomic<bool>& stop, SweepWorld world)
    : options_(std::move(options)), channel_(channel), stop_(stop), world_(std::move(world)) {
    heartbeat_.emplace(channel_, world_.patience);
}

int SweepRun::execute() {
    prepare();
    try {
        make_plan();
        run();
        attend_to_winner();
    } catch (const UserError& error) {
        end(RunOutcome::wrong_input, error.what());
        throw;
    } catch (const std::exception& error) {
        if (is_storage_error(error)) try {
                end(RunOutcome::no_space, error.what());
            } catch (const std::exception&) {  // there may be no room for that either
            }
        throw;
    }
    end(how_it_ended(), outcome_.input_error + outcome_.storage_error);
    if (!outcome_.input_error.empty()) throw UserError("{}", outcome_.input_error);
    if (!outcome_.storage_error.empty()) throw StorageError(outcome_.storage_error);
    report();
    if (outcome_.interrupted) {
        fmt::print(stderr, "thaw: interrupted; run the same command to go on\n");
        return kInterrupted;
    }
    return outcome_.failed > 0 ? kSomeTrialsFailed : kDone;
}

void SweepRun::prepare() {
    thaw::prepare(options_, channel_.size(), world_.one_host, prepared_);
    store_.emplace(database());
    record_ = record_of(prepared_, options_, channel_.size());
    record_.begun = begun_;
    for (const fs::path& folder :
         {prepared_.scratch, fs::path(prepared_.inputs.checkpoints), fs::path(prepared_.inputs.phases)})
        remove_unfinished_files(folder);  // the store is open: no other run writes there
    cache_.emplace(options_.cache_folder(), prepared_.inputs.cache_budget);
    running_.emplace(cache_->begin_sweep());
    store_->begin_sweep(record_, prepared_.trials, read_crash_reports(prepared_.scratch));
    remove_crash_reports(prepared_.scratch);
    remember_run(prepared_.scratch, prepared_.inputs);
}

void SweepRun::make_plan() {
    pruner_.emplace(prepared_.sweep.search.stopping, prepared_.trials);
    left_ = unfinished_of(prepared_.trials, *store_, *pruner_);
    give_up_later_phases(left_, prepared_.inputs, *store_);
    warn_of_missing_checkpoints(prepared_.inputs, left_.finished);
    plan_ = plan_of(options_, prepared_, std::move(left_.trials), stop_, std::move(left_.known_epochs), left_.suspects);
    for (const std::string& snapshot : snapshots_needed(plan_, prepared_.inputs, cache_->path().string()))
        cache_->use(snapshot);
    require_disk_space(plan_, *cache_, prepared_.inputs.phases);
    store_->record_prediction(plan_.predicted_seconds);
    if (!options_.quiet)
        fmt::print(stderr, "{}{}: {} trials{}, {} stages, on {} {} of {} threads; BLAS: {}\n",
                   findings_text(prepared_.inputs), prepared_.sweep.name, prepared_.trials.size(), before_text(left_),
                   plan_.stages.size(), channel_.size(), channel_.size() == 1 ? "rank" : "ranks", options_.threads,
                   record_.environment.at("blas"));
}

void SweepRun::run() {
    std::optional<LiveEvents> live;
    std::function<void(const std::string&, const EpochMetrics&)> on_epoch;
    if (!options_.live.empty()) {
        live.emplace(options_.live);
        on_epoch = [&](const std::string& trial, const EpochMetrics& metrics) { live->epoch_done(trial, metrics); };
    }
    ProgressDisplay progress(stderr, ProgressDisplay::mode_for(stderr, options_.quiet));
    const auto start = Clock::now();
    outcome_ = coordinate(plan_, prepared_.inputs, channel_, *store_, progress, *pruner_, stop_,
                          {.cache = (plan_.shared ? cache_->path() : prepared_.scratch).string(),
                           .patience = world_.patience,
                           .on_epoch = on_epoch,
                           .hosts = world_.hosts,
                           .reports = fs::absolute(prepared_.scratch).string()});
    record_cut_stages(progress);
    if (how_it_ended() != RunOutcome::ok)  // what was under way counts too
        outcome_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    heartbeat_.reset();
    if (live) live->finish(database());
    outcome_.failed += static_cast<int>(left_.given_up.size());
}

/// Stages that the end of the run has cut short were busy too.
void SweepRun::record_cut_stages(const ProgressDisplay& progress) {
    for (const auto& [stage, seconds] : progress.under_way()) {
        StageRecord record = planned_record(plan_, stage, prepared_.inputs);
        record.seconds = seconds;
        record.error = kCutShort;
        store_->record_stage(record);
    }
}

void SweepRun::attend_to_winner() {
    if (how_it_ended() == RunOutcome::ok)
        outcome_.interrupted = !thaw::attend_to_winner(options_, prepared_, *store_, *cache_, stop_);
}

RunOutcome SweepRun::how_it_ended() const {
    if (!outcome_.input_error.empty()) return RunOutcome::wrong_input;
    if (!outcome_.storage_error.empty()) return RunOutcome::no_space;
    return outcome_.interrupted ? RunOutcome::interrupted : RunOutcome::ok;
}

void SweepRun::end(RunOutcome outcome, const std::string& message) {
    store_->end_sweep(outcome, outcome_.seconds, message);
    running_.reset();
    store_.reset();
}

void SweepRun::report() const {
    const fs::path html = prepared_.folder / "report.html";
    const std::string copies = write_report(database(), html, prepared_.folder / "report.md", thumbnail);
    if (options_.quiet) return;
    fmt::print("{}\n{}{}report: {}\n", leaderboard_text(database()), copies, copies.empty() ? "" : "\n",
               fs::absolute(html).string());
    if (std::any_of(record_.test.begin(), record_.test.end(), [](const ImageRecord& image) { return image.label < 0; }))
        fmt::print(
            "test images without classes: `thaw predict {}{} --test --csv > predictions.csv` says what the best "
            "trial takes them for\n",
            prepared_.sweep.name, options_.runs == "runs" ? "" : " --runs " + options_.runs);
}

}  // namespace thaw
