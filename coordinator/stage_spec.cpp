// From a planned stage to what a worker is told; and what people are told about the plan.
#include <fmt/format.h>

#include <algorithm>

#include "common/error.hpp"
#include "common/fingerprint.hpp"
#include "coordinator/plan.hpp"

namespace thaw {
namespace {

/// Names files by content, and, in a plan without sharing, by stage.
class OutputNames {
  public:
    OutputNames(const Plan& plan, int stage, const Inputs& inputs, const std::string& cache)
        : inputs_(inputs), cache_(cache), suffix_(plan.shared ? "" : fmt::format("-stage{}", stage)) {}

    std::string decoded(const Trial& trial) const {
        return fmt::format("{}/images-{}-{}{}.array", cache_, trial.image_size, decode_key(trial), suffix_);
    }

    std::string features(const Trial& trial, const WeightsSpec& weights, const TapKey& tap) const {
        const std::string kept = tap.pooled ? to_string(tap.pooling) : "map";
        const std::string content = weights.sha256.empty() ? fmt::format("seed {}", trial.seed) : weights.sha256;
        const std::string key = Fingerprint()
                                    .add(decode_key(trial))
                                    .add(trial.backbone)
                                    .add(content)
                                    .add(weights.preprocessing)
                                    .add(weights.padding)
                                    .add(inputs_.frozen_back_end)
                                    .hex();
        return fmt::format("{}/features-{}-{}-{}-{}{}.array", cache_, trial.backbone, tap.cut, kept, key.substr(0, 16),
                           suffix_);
    }

  private:
    std::string decode_key(const Trial& trial) const {
        return Fingerprint()
            .add(inputs_.images_key)
            .add(std::to_string(trial.image_size))
            .add(to_string(inputs_.decode.resize))
            .add(to_string(inputs_.decode.interpolation))
            .hex()
            .substr(0, 16);
    }

    const Inputs& inputs_;
    const std::string& cache_;
    std::string suffix_;
};

/// The stage among `needs` of this kind; -1 where there is none.
int needed(const Plan& plan, const PlannedStage& stage, StageKind kind) {
    for (const int need : stage.needs)
        if (plan.stages[static_cast<std::size_t>(need)].kind == kind) return need;
    return -1;
}

std::string images_of(const Plan& plan, const PlannedStage& stage, const Inputs& inputs, const std::string& cache) {
    const int decode = needed(plan, stage, StageKind::decode);
    THAW_CHECK(decode >= 0, "a stage without decoded images");
    return OutputNames(plan, decode, inputs, cache).decoded(plan.first_trial(stage));
}

FeaturesStage features_spec(const Plan& plan, int index, const Inputs& inputs, const std::string& cache) {
    const PlannedStage& stage = plan.stages[static_cast<std::size_t>(index)];
    const Trial& trial = plan.first_trial(stage);
    FeaturesStage spec;
    spec.images = images_of(plan, stage, inputs, cache);
    spec.backbone = trial.backbone;
    spec.weights = inputs.weights_of(trial);
    spec.seed = trial.seed;
    spec.image_size = trial.image_size;
    const OutputNames names(plan, index, inputs, cache);
    for (const TapKey& tap : stage.taps)
        spec.taps.push_back({tap.cut, tap.pooled, tap.pooling, names.features(trial, spec.weights, tap)});
    return spec;
}

TrainStage train_spec(const Plan& plan, const PlannedStage& stage, const Inputs& inputs, const std::string& cache) {
    TrainStage spec;
    spec.trial = plan.first_trial(stage);
    for (const int trial : stage.trials)
        spec.trial.epochs = std::max(spec.trial.epochs, plan.trials[static_cast<std::size_t>(trial)].epochs);
    spec.dataset = inputs.dataset;
    spec.images = images_of(plan, stage, inputs, cache);
    spec.weights = inputs.weights_of(spec.trial);
    const int features = needed(plan, stage, StageKind::features);
    if (features < 0) return spec;
    for (const TapKey& tap : plan.stages[static_cast<std::size_t>(features)].taps) {
        if (tap.cut != spec.trial.cut || (tap.pooled && tap.pooling != spec.trial.head.pooling)) continue;
        spec.features = OutputNames(plan, features, inputs, cache).features(spec.trial, spec.weights, tap);
    }
    THAW_CHECK(!spec.features.empty(), "no tap at cut {} for trial {}", spec.trial.cut, spec.trial.id);
    return spec;
}

}  // namespace

const char* kind_name(StageKind kind) {
    constexpr const char* kNames[] = {"decode", "features", "train"};
    return kNames[static_cast<std::size_t>(kind)];
}

StageSpec stage_spec(const Plan& plan, int index, const Inputs& inputs, const std::string& cache) {
    const PlannedStage& stage = plan.stages[static_cast<std::size_t>(index)];
    switch (stage.kind) {
        case StageKind::decode: {
            const Trial& trial = plan.first_trial(stage);
            DecodeOptions options = inputs.decode;
            options.image_size = trial.image_size;
            return DecodeStage{inputs.dataset, options, inputs.on_bad_image,
                               OutputNames(plan, index, inputs, cache).decoded(trial)};
        }
        case StageKind::features:
            return features_spec(plan, index, inputs, cache);
        case StageKind::train:
            return train_spec(plan, stage, inputs, cache);
    }
    THAW_CHECK(false, "stage kind {}", static_cast<int>(stage.kind));
}

std::vector<std::string> stage_outputs(const StageSpec& spec) {
    std::vector<std::string> files;
    if (const auto* decode = std::get_if<DecodeStage>(&spec)) files.push_back(decode->output);
    if (const auto* features = std::get_if<FeaturesStage>(&spec))
        for (const auto& tap : features->taps) files.push_back(tap.output);
    return files;
}

std::string describe(const Plan& plan, const PlannedStage& stage, const Inputs& inputs) {
    const Trial& trial = plan.first_trial(stage);
    const char* mark = trial.weights == "random" ? " (random weights)" : "";
    switch (stage.kind) {
        case StageKind::decode:
            return fmt::format("{} images at {} px", inputs.images(), trial.image_size);
        case StageKind::features:
            return fmt::format("{}{} at {} px, {} {}", trial.backbone, mark, trial.image_size, stage.taps.size(),
                               stage.taps.size() == 1 ? "cut" : "cuts");
        case StageKind::train:
            return fmt::format("{}{} freeze {}, head {}, dropout {}, {} {}, batch {}, seed {}", trial.backbone, mark,
                               trial.freeze, head_name(trial.head), dropout_name(trial.dropout),
                               optimizer_name(trial.optimizer), trial.learning_rate, trial.batch_size, trial.seed);
    }
    THAW_CHECK(false, "stage kind {}", static_cast<int>(stage.kind));
}

std::string plan_text(const Plan& plan, const Inputs& inputs) {
    std::string text =
        fmt::format("{} trials on {} images of {} classes ({} train, {} validation{})\n\n", plan.trials.size(),
                    inputs.images(), inputs.classes.size(), inputs.train_images, inputs.validation_images,
                    inputs.test_images ? fmt::format(", {} test", inputs.test_images) : "");
    text += fmt::format("{:<10} {:>8} {:>14} {:>12}   {}\n", "stage", "distinct", "core-seconds", "cache MB", "what");
    for (const StageKind kind : {StageKind::decode, StageKind::features, StageKind::train}) {
        Cost cost;
        std::vector<const PlannedStage*> stages;
        for (const PlannedStage& stage : plan.stages) {
            if (stage.kind != kind) continue;
            stages.push_back(&stage);
            cost.seconds += core_seconds(stage, inputs);
            cost.bytes += stage.predicted.bytes;
        }
        if (stages.empty()) continue;
        std::string what = describe(plan, *stages[0], inputs);
        if (stages.size() > 1) what += ", ...";
        text += fmt::format("{:<10} {:>8} {:>14.1f} {:>12.1f}   {}\n", kind_name(kind), stages.size(), cost.seconds,
                            static_cast<double>(cost.bytes) / 1e6, what);
    }
    text += "\npasses\n";
    for (const PassReport& report : plan.reports) text += fmt::format("  {:<13} {}\n", report.name, report.text);
    return text;
}

}  // namespace thaw
