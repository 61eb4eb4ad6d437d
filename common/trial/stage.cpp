#include "common/trial/stage.hpp"

#include <nlohmann/json.hpp>

#include "common/util/error.hpp"
#include "common/util/names_json.hpp"

namespace thaw {

void to_json(nlohmann::json& json, const DecodeOptions& options) {
    json = {{"image_size", options.image_size},
            {"resize", to_string(options.resize)},
            {"interpolation", to_string(options.interpolation)},
            {"grey", options.grey}};
}
void from_json(const nlohmann::json& json, DecodeOptions& options) {
    options.image_size = json.at("image_size");
    options.resize = parse_resize_method(json.at("resize"));
    options.interpolation = parse_interpolation(json.at("interpolation"));
    options.grey = json.at("grey");
}
void to_json(nlohmann::json& json, OnBadImage policy) {
    json = to_string(policy);
}
void from_json(const nlohmann::json& json, OnBadImage& policy) {
    policy = parse_on_bad_image(json.get<std::string>());
}
void to_json(nlohmann::json& json, Precision precision);
void from_json(const nlohmann::json& json, Precision& precision);
void to_json(nlohmann::json& json, const Trial& trial);
void from_json(const nlohmann::json& json, Trial& trial);

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WeightsSpec, path, sha256, preprocessing, padding)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DecodeStage, dataset, options, trial, on_bad_image, output, cache_budget)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FeaturesStage::KeptTap, cut, pooled, pooling, output)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FeaturesStage, images, backbone, weights, seed, image_size, precision, taps,
                                   cache_budget)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TrainStage::Checkpoint, trial, path)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TrainStage::Trajectory, trial, ends, reported, start, resume, keep_last,
                                   snapshot_folder, snapshot_key, keep, checkpoints, phase_ends, test)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TrainStage, dataset, images, features, recompute, decode, weights, trajectories,
                                   cache_budget)

const char* kind_name(StageKind kind) {
    static constexpr const char* kNames[] = {"decode", "features", "train"};
    return kNames[static_cast<std::size_t>(kind)];
}

nlohmann::json to_json(const StageSpec& stage) {
    nlohmann::json json = std::visit([](const auto& spec) { return nlohmann::json(spec); }, stage);
    json["kind"] = kind_name(static_cast<StageKind>(stage.index()));
    return json;
}

StageSpec stage_from_json(const nlohmann::json& json) {
    const std::string kind = json.at("kind");
    if (kind == "decode") return json.get<DecodeStage>();
    if (kind == "features") return json.get<FeaturesStage>();
    if (kind == "train") return json.get<TrainStage>();
    throw StageError("a stage of unknown kind '{}'", kind);
}

}  // namespace thaw
