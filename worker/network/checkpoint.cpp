#include "worker/network/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "worker/network/random_tensors.hpp"
#include "worker/weights/fit_weights.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using Metadata = std::map<std::string, std::string>;

const std::string& about(const Metadata& metadata, const char* what) {
    const auto found = metadata.find(what);
    if (found == metadata.end()) throw UserError("it says nothing of its {}: thaw did not write it", what);
    return found->second;
}

/// Checkpoints of older versions do not say how their images were decoded: there was one way.
std::string about(const Metadata& metadata, const char* what, const char* otherwise) {
    const auto found = metadata.find(what);
    return found == metadata.end() ? otherwise : found->second;
}

/// All tensors of the trial's backbone as they were before the training.
TensorMap initial_tensors(const Trial& trial, const Metadata& metadata, const std::vector<fs::path>& folders) {
    const WeightsRequest request{trial.weights, about(metadata, "preprocessing"), about(metadata, "padding")};
    const ResolvedWeights weights = resolve_weights(trial.backbone, request, folders);
    const LayerGraph graph = build_backbone(trial.backbone, trial.image_size, weights.padding);
    if (weights.random()) return random_tensors(graph, trial.seed);
    const auto trained_with = metadata.find("weights_sha256");
    if (trained_with != metadata.end() && trained_with->second != weights.sha256)
        throw UserError(
            "it was trained with weights of sha256 {}, but '{}' now is {} with {}; bring the former back, into a "
            "folder that --weights-dir names",
            trained_with->second, trial.weights, weights.path.string(), weights.sha256);
    return fit_weights(graph, read_weights_file(weights.path), weights.path.string());
}

/// The base's tensors alone: the ImageNet classifier is not the trial's.
TensorMap of_base(TensorMap tensors, const LayerGraph& graph) {
    TensorMap base;
    for (const NeededTensor& needed : needed_tensors(graph))
        if (needed.base) base[needed.name] = std::move(tensors.at(needed.name));
    return base;
}

Checkpoint read(const fs::path& path, const std::vector<fs::path>& folders) {
    const FileReader file(path);
    Checkpoint checkpoint;
    checkpoint.about = read_safetensors_metadata(file);
    const Metadata& metadata = checkpoint.about;
    checkpoint.trial = trial_from_json(nlohmann::json::parse(about(metadata, "trial")));
    const Trial& trial = checkpoint.trial;
    checkpoint.classes = nlohmann::json::parse(about(metadata, "classes")).get<std::vector<std::string>>();
    checkpoint.decode = {trial.image_size, parse_resize_method(about(metadata, "resize", "squash")),
                         parse_interpolation(about(metadata, "interpolation", "bilinear")),
                         about(metadata, "grey", "false") == "true"};
    checkpoint.preprocessing = find_preprocessing(about(metadata, "preprocessing"));
    checkpoint.graph = graph_of_trial(trial, parse_padding_style(about(metadata, "padding")));
    checkpoint.base = of_base(initial_tensors(trial, metadata, folders), checkpoint.graph);
    checkpoint.trained = read_safetensors(file);
    return checkpoint;
}

}  // namespace

Checkpoint read_checkpoint(const fs::path& path, const std::vector<fs::path>& weights_folders) {
    try {
        return read(path, weights_folders);
    } catch (const nlohmann::json::exception&) {
        throw UserError("checkpoint {}: what it says of its trial is damaged", path.string());
    } catch (const UserError& error) {
        throw UserError("checkpoint {}: {}", path.string(), error.what());
    } catch (const std::system_error& error) {
        throw UserError("{}", error.what());
    }
}

fs::path find_checkpoint(const fs::path& run_folder, const std::string& trial) {
    std::vector<std::string> found;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(run_folder / "checkpoints", none))
        if (entry.path().extension() == ".safetensors" && entry.path().stem().string().starts_with(trial))
            found.push_back(entry.path().stem().string());
    std::sort(found.begin(), found.end());
    if (found.size() == 1) return run_folder / "checkpoints" / (found[0] + ".safetensors");
    if (found.size() > 1)
        throw UserError("trial '{}' may be {}; write some more letters of it", trial, fmt::join(found, " or "));
    throw UserError(
        "no trained weights of trial '{}' in {}: a sweep keeps those of its best trial, and of all with `keep: best` "
        "or `keep: last`",
        trial, (run_folder / "checkpoints").string());
}

}  // namespace thaw
