#include "cli/init_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cctype>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "cli/prepared_sweep.hpp"
#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/placement.hpp"
#include "common/util/text.hpp"
#include "worker/look_at_folder.hpp"
#include "worker/torch/device.hpp"
#include "worker/torch/threads.hpp"
#include "worker/weights/registry.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBackbones = 3;
/// Good ones for little work first.
const std::vector<std::string> kPreferred = {"mobilenet_v2", "efficientnet_lite0", "resnet50",    "keras_resnet50",
                                             "mobilenet_v1", "resnet18",           "densenet121", "vgg16"};

bool has_weights(const std::string& backbone, const std::vector<fs::path>& folders) {
    const auto& registry = weights_registry();
    return std::any_of(registry.begin(), registry.end(), [&](const WeightsEntry& entry) {
        return entry.backbone == backbone && std::any_of(folders.begin(), folders.end(), [&](const fs::path& folder) {
                   std::error_code unreadable;
                   return fs::is_regular_file(folder / entry.file, unreadable);
               });
    });
}

/// Those whose weights are here; the first that is worth getting where there are none.
std::vector<std::string> backbones_for(const std::vector<fs::path>& folders) {
    std::vector<std::string> found;
    for (const std::string& name : kPreferred)
        if (found.size() < kMostBackbones && has_weights(name, folders)) found.push_back(name);
    return found;
}

std::string sweep_name(const fs::path& folder) {
    std::string name = fs::weakly_canonical(folder).filename().string().substr(0, 100);
    std::replace_if(
        name.begin(), name.end(),
        [](unsigned char c) { return c >= 0x80 || (!std::isalnum(c) && c != '-' && c != '_'); }, '_');
    if (name.starts_with('-')) name[0] = '_';  // else the file's name would be read as an option
    return name.empty() ? "sweep" : name;
}

/// A YAML string in quotes: single ones, unless it has characters that only double ones can hold.
std::string quoted(const std::string& text) {
    std::string single, twice;
    bool plain = true;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        plain = plain && byte >= 0x20 && byte != 0x7F;
        single += c == '\'' ? std::string("''") : std::string(1, c);
        twice += byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02x}", byte)
                 : c == '"' || c == '\\'     ? std::string{'\\', c}
                                             : std::string(1, c);
    }
    return plain ? '\'' + single + '\'' : '"' + twice + '"';
}

/// As sweep files write a path that has what is replaced in them: see substitute_environment().
std::string without_variables(std::string path) {
    for (std::size_t at = 0; (at = path.find("${", at)) != std::string::npos; at += 3) path.insert(at, "$");
    return path;
}

/// The sweep's name as it stands in the file: "null" would be nothing.
std::string name_text(const std::string& name) {
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower == "null" ? quoted(name) : name;
}

std::string sweep_text(const FolderLook& look, const std::string& name, const std::vector<std::string>& backbones) {
    const Dataset& dataset = look.dataset;
    const int smallest = *std::min_element(look.per_class.begin(), look.per_class.end());
    std::string text = fmt::format(
        "# {} in {}.\n# `thaw plan` says what this sweep would do and cost, `thaw run` does it.\n\nname: {}\ndata:\n"
        "  folder: {}\n",
        counted(static_cast<std::int64_t>(dataset.images.size()), "image"),
        counted(static_cast<std::int64_t>(dataset.classes.size()), "folder"), name_text(name),
        quoted(without_variables(fs::absolute(dataset.folder).string())));
    text += dataset.as_it_stands
                ? "  # Its validation folder judges the trials.\n"
                : "  split: {method: stratified, validation: 0.2}   # a fifth of each class judges the trials\n";
    if (!look.damaged.empty())
        text += fmt::format("  on_bad_image: skip   # {} cannot be read; `stop` would want them mended first\n",
                            counted(static_cast<std::int64_t>(look.damaged.size()), "image"));
    text += fmt::format("\nbackbone: [{}]   # `thaw backbones` lists all\n",
                        backbones.empty() ? "mobilenet_v2" : fmt::format("{}", fmt::join(backbones, ", ")));
    if (backbones.empty())
        text +=
            "# No weights are here yet: `thaw weights pull mobilenet_v2` fetches them, `thaw weights` lists more.\n";
    text +=
        "freeze: all          # or: [all, 80%, 50]; layers that train cost far more time than a new head\n"
        "head: [none, \"256\", 256-128-64]   # widths of the hidden layers\n"
        "dropout: [0, 0.5]\nlearning_rate: [1e-4, 1e-3]\n";
    text += fmt::format("batch_size: {}\n", smallest < 20 ? 8 : 16);
    text +=
        "epochs: [4, 8]       # trials that differ only here train once\n"
        "seed: [1, 2, 3]      # results are averages over seeds\n";
    return text;
}

/// How many trials, and what they would take here.
std::string prediction_of(const fs::path& file, SweepOptions options) {
    static const std::atomic<bool> never{false};
    options.file = file.string();
    options.quiet = true;
    PreparedSweep prepared;
    prepare(options, 1, true, prepared);
    const std::size_t trials = prepared.trials.size();
    const Plan plan = plan_of(options, prepared, std::move(prepared.trials), never);
    return fmt::format("{}, about {} on this machine", counted(static_cast<std::int64_t>(trials), "trial"),
                       human_seconds(plan.predicted_seconds));
}

struct InitOptions {
    std::string folder, out;
    SweepOptions sweep;
    bool force = false;
};

void init(const InitOptions& words) {
    prepare_process();
    SweepOptions options = words.sweep;
    options.threads = threads_of({{allowed_cores()}, usable_cores(), false, options.threads}, 0);
    choose_device("auto");
    const std::string name = sweep_name(words.folder);
    const fs::path file = words.out.empty() ? fs::path(name + ".yaml") : fs::path(words.out);
    if (fs::exists(file) && !words.force)
        throw UserError("{} is there already; --force replaces it, -o names another file", file.string());
    const FolderLook look = look_at_folder(words.folder, options.threads);
    fmt::print("{}", folder_text(look));
    const std::vector<std::string> backbones = backbones_for(weights_folders(options.weights_dir));
    try {
        write_file(file, sweep_text(look, name, backbones));
    } catch (const std::system_error& error) {
        throw UserError("{}", error.what());
    }
    fmt::print("\n{} written: ", file.string());
    try {
        fmt::print("{}\n", prediction_of(file, options));
    } catch (const UserError& error) {
        fmt::print("what it would take is not known yet\n{}\n", error.what());
    }
    fmt::print("next: thaw run {}\n", file.string());
}

}  // namespace

void add_init_command(CLI::App& app) {
    const auto words = std::make_shared<InitOptions>();
    auto* command = app.add_subcommand("init", "Look at a folder of photos and write a sweep file for it");
    command->add_option("folder", words->folder, "One folder of photos a class, or train/, val/, test/ with such")
        ->required()
        ->type_name("FOLDER");
    command->add_option("--out,-o", words->out, "The file to write (default: NAME.yaml here, after the folder)");
    command->add_flag("--force", words->force, "Replace the file if it is there");
    command->add_option("--runs", words->sweep.runs, "Where run folders will lie")->capture_default_str();
    command->add_option("--weights-dir", words->sweep.weights_dir, "Look for weight files here first");
    command->add_option("--threads", words->sweep.threads, "Default: as many as there are cores")
        ->check(CLI::PositiveNumber);
    command->footer("Example: thaw init photos/");
    command->callback([words] { init(*words); });
}

}  // namespace thaw
