#include "worker/export_model.hpp"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "common/backbones/backbones.hpp"
#include "common/error.hpp"
#include "common/trial.hpp"
#include "worker/network/random_tensors.hpp"
#include "worker/weights/fit_weights.hpp"
#include "worker/weights/registry.hpp"
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
            "folder "
            "that --weights-dir names",
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

std::string numbers_text(const double (&values)[3]) {
    return fmt::format("[{}, {}, {}]", values[0], values[1], values[2]);
}

fs::path checkpoint_of(const fs::path& database, const std::string& trial) {
    const fs::path path = database.parent_path() / "checkpoints" / (trial + ".safetensors");
    if (!fs::is_regular_file(path))
        throw UserError(
            "no trained weights of trial '{}': {} is not there; only a sweep with `keep: best` or `keep: last` leaves "
            "them",
            trial, path.string());
    return path;
}

void export_checkpoint(const fs::path& checkpoint, const std::vector<fs::path>& folders, const fs::path& to) {
    const FileReader file(checkpoint);
    Metadata metadata = read_safetensors_metadata(file);
    const Trial trial = trial_from_json(nlohmann::json::parse(about(metadata, "trial")));
    const LayerGraph graph =
        build_backbone(trial.backbone, trial.image_size, parse_padding_style(about(metadata, "padding")));
    TensorMap tensors = of_base(initial_tensors(trial, metadata, folders), graph);
    for (auto& [name, tensor] : read_safetensors(file)) tensors[name] = tensor;
    const Preprocessing& preprocessing = find_preprocessing(about(metadata, "preprocessing"));
    metadata["mean"] = numbers_text(preprocessing.mean);
    metadata["deviation"] = numbers_text(preprocessing.deviation);
    metadata["channels"] = preprocessing.bgr ? "BGR" : "RGB";
    metadata["backbone"] = trial.backbone;
    metadata["image_size"] = std::to_string(trial.image_size);
    write_safetensors(to, tensors, metadata);
}

}  // namespace

void export_model(const fs::path& checkpoint, const std::vector<fs::path>& weights_folders, const fs::path& to) {
    try {
        export_checkpoint(checkpoint, weights_folders, to);
    } catch (const nlohmann::json::exception&) {
        throw UserError("checkpoint {}: what it says of its trial is damaged", checkpoint.string());
    } catch (const UserError& error) {
        throw UserError("checkpoint {}: {}", checkpoint.string(), error.what());
    } catch (const std::system_error& error) {
        throw UserError("{}", error.what());
    }
}

void add_export_command(CLI::App& app, std::function<fs::path(const std::string&, const std::string&)> find_database) {
    struct Words {
        std::string run, trial, to, runs = "runs", weights_dir;
    };
    const auto words = std::make_shared<Words>();
    auto* command = app.add_subcommand("export-model", "Write a trained trial, base and head, as one safetensors file");
    command->add_option("run", words->run, "A sweep's name, its run folder, or its results.db")
        ->required()
        ->type_name("RUN");
    command->add_option("--trial", words->trial, "The trial's id")->required()->type_name("ID");
    command->add_option("--out,-o", words->to, "The file to write (default: ID.safetensors here)");
    command->add_option("--runs", words->runs, "Where run folders lie")->capture_default_str();
    command->add_option("--weights-dir", words->weights_dir, "Look for the base's weights here first");
    command->footer("Example: thaw export-model quickstart --trial 3f2a9c0d11e4b876 -o best.safetensors");
    command->callback([words, find = std::move(find_database)] {
        const fs::path to = words->to.empty() ? fs::path(words->trial + ".safetensors") : fs::path(words->to);
        export_model(checkpoint_of(find(words->run, words->runs), words->trial), weights_folders(words->weights_dir),
                     to);
        fmt::print("{}\n", to.string());
    });
}

}  // namespace thaw
