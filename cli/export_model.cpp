#include "cli/export_model.hpp"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <system_error>

#include "common/util/error.hpp"
#include "results/query/best_trial.hpp"
#include "results/query/find_results.hpp"
#include "worker/network/checkpoint.hpp"
#include "worker/torch/torchscript.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::string numbers_text(const double (&values)[3]) {
    return fmt::format("[{}, {}, {}]", values[0], values[1], values[2]);
}

}  // namespace

void export_model(const fs::path& path, const std::vector<fs::path>& weights_folders, const fs::path& to) {
    Checkpoint checkpoint = read_checkpoint(path, weights_folders);
    for (auto& [name, tensor] : checkpoint.trained) checkpoint.base[name] = std::move(tensor);
    auto& about = checkpoint.about;
    about["mean"] = numbers_text(checkpoint.preprocessing.mean);
    about["deviation"] = numbers_text(checkpoint.preprocessing.deviation);
    about["channels"] = checkpoint.preprocessing.bgr ? "BGR" : "RGB";
    about["backbone"] = checkpoint.trial.backbone;
    about["image_size"] = std::to_string(checkpoint.trial.image_size);
    try {
        write_safetensors(to, checkpoint.base, about);
    } catch (const std::system_error& error) {
        throw UserError("{}", error.what());
    }
}

fs::path checkpoint_of(const std::string& run, const std::string& runs, const std::string& trial) {
    const fs::path database = find_results(run, runs);
    return find_checkpoint(database.parent_path(), trial.empty() ? best_trial(database) : trial);
}

void add_export_command(CLI::App& app) {
    struct ExportOptions {
        std::string run, trial, to, runs = "runs", weights_dir;
    };
    const auto words = std::make_shared<ExportOptions>();
    auto* command = app.add_subcommand("export-model", "Write a trained trial, base and head, as one file for PyTorch");
    command->add_option("run", words->run, "A sweep's name, its run folder, or its results.db")
        ->required()
        ->type_name("RUN");
    command->add_option("--trial", words->trial, "The trial's id, or its beginning (default: the best)")
        ->type_name("ID");
    command->add_option("--out,-o", words->to,
                        "ID.safetensors, the default, for load_state_dict, or ID.pt, TorchScript for torch.jit.load");
    command->add_option("--runs", words->runs, "Where run folders lie")->capture_default_str();
    command->add_option("--weights-dir", words->weights_dir, "Look for the base's weights here first");
    command->footer(
        "Examples:\n  thaw export-model quickstart -o best.safetensors\n  thaw export-model quickstart -o best.pt");
    command->callback([words] {
        const std::string ending = fs::path(words->to).extension().string();
        if (!words->to.empty() && ending != ".safetensors" && ending != ".pt")
            throw UserError(
                "-o {}: the ending says the format: .safetensors for load_state_dict, or .pt, TorchScript for "
                "torch.jit.load",
                words->to);
        const fs::path checkpoint = checkpoint_of(words->run, words->runs, words->trial);
        const fs::path to = words->to.empty() ? checkpoint.filename() : fs::path(words->to);
        const auto folders = weights_folders(words->weights_dir);
        if (ending == ".pt")
            write_torchscript(read_checkpoint(checkpoint, folders), to);
        else
            export_model(checkpoint, folders, to);
        fmt::print("{}\n", to.string());
    });
}

}  // namespace thaw
