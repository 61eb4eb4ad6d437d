#include "cli/weights_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "cli/table_option.hpp"
#include "common/util/byte_size.hpp"
#include "worker/weights/inspect.hpp"
#include "worker/weights/pull.hpp"

namespace thaw {
namespace {

/// What the options are read into; lives as long as the commands.
struct WeightsOptions {
    std::string weights_dir, file, to, backbone, mirror;
    std::vector<std::string> names;
    TableFormat format = TableFormat::text;
};

/// On a terminal whole paths and addresses, which a table's cells would cut.
void print_known(const Table& table, TableFormat format) {
    if (format != TableFormat::text) return fmt::print("{}", to_string(table, format));
    constexpr const char* kLine = "{:<36}{:<20}{:<15}{:<12}{:<14}{}\n";
    fmt::print(kLine, "name", "backbone", "preprocessing", "padding", "licence", "file");
    for (const auto& row : table.rows) {
        const auto text = [&](std::size_t column) { return std::get<std::string>(row[column]); };
        const auto* path = std::get_if<std::string>(&row[6]);
        fmt::print(kLine, text(0), text(1), text(2), text(3), text(4),
                   path ? *path : fmt::format("{} is not here: {}", text(5), text(7)));
    }
}

void show_progress(const std::string& file, std::uint64_t done, std::uint64_t total) {
    const auto text = [](std::uint64_t bytes) { return byte_size_text(static_cast<std::int64_t>(bytes)); };
    fmt::print(stderr, "\r\x1b[K{}: {}{}", file, text(done), total > 0 ? " of " + text(total) : "");
}

void pull(const WeightsOptions& words) {
    const bool on_terminal = ::isatty(STDERR_FILENO);
    for (const std::string& name : words.names) {
        const WeightsEntry& entry = find_entry_to_pull(name);
        std::uint64_t shown = 0;
        const auto progress = [&](std::uint64_t done, std::uint64_t total) {
            constexpr std::uint64_t kStep = 1 << 20;
            if (!on_terminal || (done != total && done < shown + kStep && done >= shown)) return;
            shown = done;
            show_progress(entry.file, done, total);
        };
        const auto path = pull_weights(entry, weights_folders(words.weights_dir), words.mirror, progress);
        if (shown > 0) fmt::print(stderr, "\n");
        fmt::print("{}\n", path.string());
    }
}

void add_inspect(CLI::App& weights, const std::shared_ptr<WeightsOptions>& words) {
    auto* inspect = weights.add_subcommand("inspect", "List a weight file's tensors, and the backbone that it fits");
    inspect->add_option("file", words->file, "A .pth, .safetensors, .h5 or .keras")->required()->type_name("FILE");
    inspect->add_option("--backbone", words->backbone, "Say all that keeps the file from fitting this one");
    inspect->footer("Example: thaw weights inspect xception.keras --backbone xception");
    inspect->callback([words] { fmt::print("{}", inspect_weights(words->file, words->backbone)); });
}

void add_convert(CLI::App& weights, const std::shared_ptr<WeightsOptions>& words) {
    auto* convert = weights.add_subcommand("convert", "Write a weight file of any format as safetensors");
    convert->add_option("in", words->file, "A .pth, .safetensors, .h5 or .keras")->required()->type_name("IN");
    convert->add_option("out", words->to, "The file to write")->required()->type_name("OUT.safetensors");
    convert->add_option("--backbone", words->backbone, "Under this one's names (default: of the one that it fits)");
    convert->footer("Example: thaw weights convert vgg16_weights_tf_dim_ordering_tf_kernels.h5 vgg16.safetensors");
    convert->callback([words] { fmt::print("{}", convert_weights(words->file, words->to, words->backbone)); });
}

void add_pull(CLI::App& weights, const std::shared_ptr<WeightsOptions>& words) {
    auto* command = weights.add_subcommand("pull", "Fetch published weights, or go on fetching them");
    command->add_option("names", words->names, "Weights, their file, or a backbone")->required()->type_name("NAME");
    command->add_option("--weights-dir", words->weights_dir, "Put them here (default: $THAW_WEIGHTS or the cache)");
    command->add_option("--mirror", words->mirror, "Fetch the files from under this address instead")
        ->envname("THAW_WEIGHTS_MIRROR");
    command->footer("Example: thaw weights pull xception resnet50-imagenet-torchvision2");
    command->callback([words] { pull(*words); });
}

}  // namespace

void add_weights_command(CLI::App& app) {
    const auto words = std::make_shared<WeightsOptions>();
    auto* weights =
        app.add_subcommand("weights", "List the weight files that thaw knows; look into, convert, fetch one");
    weights->add_option("--weights-dir", words->weights_dir, "Look here first");
    add_format_options(*weights, words->format);
    weights->footer("Examples:\n  thaw weights --weights-dir weights\n  thaw weights pull xception");
    add_inspect(*weights, words);
    add_convert(*weights, words);
    add_pull(*weights, words);
    weights->require_subcommand(0, 1);
    weights->callback([words, weights] {
        if (weights->get_subcommands().empty())
            print_known(weights_table(weights_folders(words->weights_dir)), words->format);
    });
}

}  // namespace thaw
