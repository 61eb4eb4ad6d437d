// From a planned stage to what a worker is told; and what people are told about the plan.
#include <fmt/format.h>

#include <algorithm>

#include "common/backbones/features_version.hpp"
#include "common/util/cache_folder.hpp"
#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "coordinator/plan/phases.hpp"
#include "coordinator/plan/plan.hpp"

namespace thaw {
namespace {

/// Those with which trajectory keys had no versions in them yet.
constexpr const char *kFirstFeaturesVersion = "2", *kFirstDecoder = "1";

/// Of all that decides what becomes of an image, whichever image it is.
std::string decode_key(const Trial& trial, const Inputs& inputs) {
    Fingerprint fingerprint;
    fingerprint.add(inputs.decoder).add(std::to_string(trial.image_size));
    add_to(fingerprint, inputs.decode);
    return fingerprint.hex().substr(0, 16);
}

/// Which images, and which views of them, are the rows of the trial's arrays.
std::string rows_of(const Trial& trial, const Inputs& inputs) {
    const std::string views = views_key(trial);
    if (views.empty()) return inputs.images_key;
    const std::string& trained = trial.folds > 0 ? inputs.folded_key : inputs.trained_key;
    return Fingerprint().add(inputs.images_key).add(trained).add(views).hex().substr(0, 16);
}

/// Where a stage of the plan puts an array; without sharing every stage has its own.
std::string path_of(ArrayName name, const Plan& plan, int stage, const std::string& folder) {
    if (!plan.shared) name.images += fmt::format("_stage{}", stage);
    return fmt::format("{}/{}", folder, name.file());
}

std::string views_text(const Trial& trial) {
    return trial.augment.views == 0 ? "" : fmt::format(" and {} views", trial.augment.views);
}

/// The stage among `needs` of this kind; -1 where there is none.
int needed(const Plan& plan, const PlannedStage& stage, StageKind kind) {
    for (const int need : stage.needs)
        if (plan.stages[static_cast<std::size_t>(need)].kind == kind) return need;
    return -1;
}

std::string images_of(const Plan& plan, const PlannedStage& stage, const Inputs& inputs, const std::string& cache) {
    const int decode = needed(plan, stage, StageKind::decode);
    THAW_CHECK(decode >= 0, "a stage without decoded images");
    return path_of(decoded_array(plan.first_trial(stage), inputs), plan, decode, cache);
}

/// The folder for arrays that are kept at `place`.
const std::string& folder_at(Storage place, const RunInputs& inputs, const std::string& cache) {
    return place == Storage::memory ? inputs.memory_folder : cache;
}

FeaturesStage features_spec(const Plan& plan, int index, const RunInputs& inputs, const std::string& cache) {
    const PlannedStage& stage = plan.stage(index);
    const Trial& trial = plan.first_trial(stage);
    FeaturesStage spec;
    spec.images = images_of(plan, stage, inputs, cache);
    spec.backbone = trial.backbone;
    spec.weights = inputs.weights_of(trial);
    spec.seed = trial.seed;
    spec.image_size = trial.image_size;
    spec.precision = trial.precision;
    for (const PlannedTap& tap : stage.taps) {
        spec.taps.push_back(
            {tap, path_of(features_array(trial, tap, inputs), plan, index, folder_at(tap.place, inputs, cache))});
    }
    spec.cache_budget = plan.shared ? inputs.cache_budget : 0;
    return spec;
}

/// Where trials that are one training are not merged, each has files of its own.
std::string snapshot_file(const Plan& plan, const PlannedTrajectory& trajectory, int epoch, const Inputs& inputs,
                          const std::string& cache) {
    const Trial& trial = plan.first_trial(trajectory);
    const std::string key = plan.shared ? trajectory_key(trial, inputs) : trial.id;
    return fmt::format("{}/{}", cache, SnapshotName{key, epoch}.file());
}

/// Whether the tap is the trial's, where it is the first such: at the end of a whole base there is no map, before it
/// maps come before what a shorter base of another trial has pooled there.
bool may_read(const Trial& trial, const Tap& tap) {
    if (tap.cut != trial.cut) return false;
    const bool ends_base = trial.cut == trial.base_layers;
    if (!tap.pooled) return !ends_base;
    return tap.pooling == trial.head.pooling && (ends_base || trial.base_layers == 0);
}

/// "vgg16", or "vgg16 until block4_pool".
std::string base_name(const Trial& trial) {
    return trial.base_layers == 0 ? trial.backbone : fmt::format("{} until {}", trial.backbone, trial.until);
}

/// The file of the weights at this trial's end that later phases go on from. Without sharing each stage that trains it
/// has its own.
std::string phase_file(const Plan& plan, int stage, const std::string& trial, const RunInputs& inputs,
                       const std::string& cache) {
    return plan.shared ? phase_weights(trial, inputs) : fmt::format("{}/{}_stage{}.safetensors", cache, trial, stage);
}

TrainStage train_spec(const Plan& plan, int stage_index, const RunInputs& inputs, const std::string& cache) {
    const PlannedStage& stage = plan.stage(stage_index);
    TrainStage spec;
    const Trial& first = plan.first_trial(stage);
    spec.dataset = inputs.dataset;
    spec.images = images_of(plan, stage, inputs, cache);
    spec.recompute = stage.recompute;
    spec.decode = inputs.decode;
    spec.decode.image_size = first.image_size;
    spec.weights = inputs.weights_of(first);
    spec.cache_budget = plan.shared ? inputs.cache_budget : 0;
    for (const int index : stage.trajectories) {
        const PlannedTrajectory& trajectory = plan.trajectory(index);
        TrainStage::Trajectory planned;
        planned.trial = plan.first_trial(trajectory);
        planned.reported = stage.gate_epoch;
        planned.trial.epochs = trajectory.to_epoch;
        for (const int at : trajectory.trials) planned.ends.push_back(plan.trial(at).epochs);
        if (const auto earlier = earlier_phase(planned.trial, inputs))
            planned.start = phase_file(plan, needed(plan, stage, StageKind::train), earlier->id, inputs, cache);
        for (const int at : trajectory.phase_ends)
            planned.phase_ends.push_back(
                {plan.trial(at), phase_file(plan, stage_index, plan.trial(at).id, inputs, cache)});
        if (trajectory.from_epoch > 0)
            planned.resume = snapshot_file(plan, trajectory, trajectory.from_epoch, inputs, cache);
        if (trajectory.keeps_snapshot)
            planned.keep_last = snapshot_file(plan, trajectory, trajectory.to_epoch, inputs, cache);
        if (plan.shared) {  // without, every trial's work is done anew, whatever was done before
            planned.snapshot_folder = cache;
            planned.snapshot_key = trajectory_key(planned.trial, inputs);
        }
        if (inputs.keep != Keep::none) {
            planned.keep = inputs.keep;
            for (const int at : trajectory.trials) {
                const Trial& trial = plan.trial(at);
                planned.checkpoints.push_back({trial, fmt::format("{}/{}.safetensors", inputs.checkpoints, trial.id)});
            }
        }
        spec.trajectories.push_back(std::move(planned));
    }
    const int features = needed(plan, stage, StageKind::features);
    if (features < 0) return spec;
    for (const PlannedTap& tap : plan.stage(features).taps) {
        if (!spec.features.empty() || !may_read(first, tap)) continue;
        spec.features =
            path_of(features_array(first, tap, inputs), plan, features, folder_at(tap.place, inputs, cache));
    }
    THAW_CHECK(!spec.features.empty(), "no tap at cut {} for trial {}", first.cut, first.id);
    return spec;
}

}  // namespace

ArrayName decoded_array(const Trial& trial, const Inputs& inputs) {
    return {fmt::format("images-{}-{}", trial.image_size, decode_key(trial, inputs)), rows_of(trial, inputs)};
}

ArrayName features_array(const Trial& trial, const Tap& tap, const Inputs& inputs) {
    const WeightsSpec& weights = inputs.weights_of(trial);
    const std::string kept = tap.pooled ? to_string(tap.pooling) : "map";
    const std::string content = weights.sha256.empty() ? fmt::format("seed {}", trial.seed) : weights.sha256;
    const std::string executor = inputs.frozen_back_end + precision_mark(trial.precision);
    const std::string key = Fingerprint()
                                .add(kFeaturesVersion)
                                .add(decode_key(trial, inputs))
                                .add(trial.backbone)
                                .add(content)
                                .add(weights.preprocessing)
                                .add(weights.padding)
                                .add(executor)
                                .hex()
                                .substr(0, 16);
    return {fmt::format("features-{}-{}-{}-{}", trial.backbone, tap.cut, kept, key), rows_of(trial, inputs)};
}

StageSpec stage_spec(const Plan& plan, int index, const RunInputs& inputs, const std::string& cache) {
    const PlannedStage& stage = plan.stages[static_cast<std::size_t>(index)];
    switch (stage.kind) {
        case StageKind::decode: {
            const Trial& trial = plan.first_trial(stage);
            DecodeOptions options = inputs.decode;
            options.image_size = trial.image_size;
            return DecodeStage{inputs.dataset,
                               options,
                               trial,
                               inputs.on_bad_image,
                               path_of(decoded_array(trial, inputs), plan, index, cache),
                               plan.shared ? inputs.cache_budget : 0};
        }
        case StageKind::features:
            return features_spec(plan, index, inputs, cache);
        case StageKind::train:
            return train_spec(plan, index, inputs, cache);
    }
    THAW_CHECK(false, "stage kind {}", static_cast<int>(stage.kind));
}

std::vector<std::string> snapshots_needed(const Plan& plan, const Inputs& inputs, const std::string& cache) {
    std::vector<std::string> files;
    for (const PlannedTrajectory& trajectory : plan.trajectories)
        if (trajectory.from_epoch > 0)
            files.push_back(snapshot_file(plan, trajectory, trajectory.from_epoch, inputs, cache));
    return files;
}

std::vector<std::string> stage_outputs(const StageSpec& spec) {
    std::vector<std::string> files;
    if (const auto* decode = std::get_if<DecodeStage>(&spec)) files.push_back(decode->output);
    if (const auto* features = std::get_if<FeaturesStage>(&spec))
        for (const auto& tap : features->taps) files.push_back(tap.output);
    if (const auto* train = std::get_if<TrainStage>(&spec))
        for (const auto& trajectory : train->trajectories) {
            if (!trajectory.keep_last.empty()) files.push_back(trajectory.keep_last);
            for (const auto& end : trajectory.phase_ends) files.push_back(end.path);
        }
    return files;
}

std::string trial_context(const Trial& trial, const Inputs& inputs) {
    const WeightsSpec& weights = inputs.weights_of(trial);
    Fingerprint fingerprint;
    fingerprint.add(inputs.dataset_fingerprint);
    add_to(fingerprint, inputs.decode);
    return fingerprint.add(weights.sha256).add(weights.preprocessing).add(weights.padding).hex();
}

std::string trajectory_key(const Trial& trial, const Inputs& inputs) {
    Trial trajectory = trial;
    trajectory.epochs = 0;
    Fingerprint context;
    context.add(trial_context(trial, inputs)).add(inputs.frozen_back_end);
    // Snapshots go on with the pixels and features that they began with; those of the first versions have no mark.
    if (inputs.decoder != kFirstDecoder && !inputs.decoder.empty()) context.add("decoder " + inputs.decoder);
    if (std::string_view(kFeaturesVersion) != kFirstFeaturesVersion)
        context.add(std::string("features ") + kFeaturesVersion);
    return trial_id(trajectory, context.hex());
}

std::string describe(const Plan& plan, const PlannedStage& stage, const Inputs& inputs) {
    const Trial& trial = plan.first_trial(stage);
    const std::string mark = (trial.weights == "random" ? " (random weights)" : "") + precision_mark(trial.precision);
    switch (stage.kind) {
        case StageKind::decode:
            return fmt::format("{} images{} at {} px", inputs.images(), views_text(trial), trial.image_size);
        case StageKind::features:
            return fmt::format("{}{}{} at {} px, {} {}", trial.backbone, mark, views_text(trial), trial.image_size,
                               stage.taps.size(), stage.taps.size() == 1 ? "cut" : "cuts");
        case StageKind::train:
            if (stage.trajectories.size() > 1)
                return fmt::format("{}{} freeze {}, {} {}", base_name(trial), mark, trial.freeze,
                                   stage.trajectories.size(), stage.recompute ? "side by side" : "heads");
            return fmt::format("{}{} freeze {}, head {}, dropout {}, {} {}, batch {}, seed {}{}", base_name(trial),
                               mark, trial.freeze, head_name(trial.head), dropout_name(trial.dropout),
                               optimizer_name(trial.optimizer), trial.learning_rate, trial.batch_size, trial.seed,
                               trial.folds != 0 ? ", fold " + fold_name(trial) : "",
                               trial.phases.empty() ? "" : ", after " + phases_name(trial.phases));
    }
    THAW_CHECK(false, "stage kind {}", static_cast<int>(stage.kind));
}

std::string plan_text(const Plan& plan, const RunInputs& inputs, bool explain) {
    std::string text =
        fmt::format("{} trials on {} images of {} classes ({} train, {} validation{}{})\n\n", plan.trials.size(),
                    inputs.images(), inputs.classes.size(), inputs.train_images, inputs.validation_images,
                    inputs.test_images ? fmt::format(", {} test", inputs.test_images) : "",
                    plan.trials.empty() || plan.trials[0].folds == 0
                        ? ""
                        : fmt::format("; one of {} folds validates", plan.trials[0].folds));
    text += fmt::format("{:<10} {:>8} {:>14} {:>12} {:>12}   {}\n", "stage", "distinct", "core-seconds", "cache MB",
                        "memory MB", "what");
    for (const StageKind kind : {StageKind::decode, StageKind::features, StageKind::train}) {
        Cost cost;
        std::vector<const PlannedStage*> stages;
        for (const PlannedStage& stage : plan.stages) {
            if (stage.kind != kind) continue;
            stages.push_back(&stage);
            if (stage.unlikely) continue;
            cost.seconds += core_seconds(stage, inputs);
            cost.bytes += stage.predicted.bytes;
            cost.memory = std::max(cost.memory, stage.predicted.memory);
        }
        if (stages.empty()) continue;
        std::string what = describe(plan, *stages[0], inputs);
        if (stages.size() > 1) what += ", ...";
        text += fmt::format("{:<10} {:>8} {:>14.1f} {:>12.1f} {:>12.0f}   {}\n", kind_name(kind), stages.size(),
                            cost.seconds, static_cast<double>(cost.bytes) / 1e6, static_cast<double>(cost.memory) / 1e6,
                            what);
    }
    text += "\npasses\n";
    for (const PassReport& report : plan.reports) {
        text += fmt::format("  {:<13} {}\n", report.name, report.text);
        if (!explain) continue;
        for (const std::string& detail : report.details) text += fmt::format("  {:<13}   - {}\n", "", detail);
    }
    return text;
}

}  // namespace thaw
