// main of thaw-engine: all subcommands. What they do lies in the rooms; here they are given names, options and an exit
// code.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "cli/backbones_command.hpp"
#include "cli/command_pages.hpp"
#include "cli/command_words.hpp"
#include "cli/export_model.hpp"
#include "cli/help.hpp"
#include "cli/init_command.hpp"
#include "cli/photo_commands.hpp"
#include "cli/prepared_sweep.hpp"
#include "cli/preview_command.hpp"
#include "cli/report_command.hpp"
#include "cli/results_commands.hpp"
#include "cli/sweep_commands.hpp"
#include "cli/table_option.hpp"
#include "cli/weights_command.hpp"
#include "common/util/byte_size.hpp"
#include "common/util/cache_folder.hpp"
#include "common/util/error.hpp"
#include "common/util/exit_code.hpp"
#include "common/util/nearest.hpp"
#include "worker/data/fashion_mnist.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::string local_time_text(fs::file_time_type time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::file_clock::to_sys(time));
    const std::time_t since_1970 = std::chrono::system_clock::to_time_t(seconds);
    std::tm local{};
    ::localtime_r(&since_1970, &local);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
    return text.data();
}

Table cache_table(const std::vector<CacheEntry>& entries) {
    Table table{{"what", "of", "file", "bytes", "last_use", "in_use"}, {}};
    for (const CacheEntry& entry : entries)
        table.rows.push_back({entry.what, entry.of, entry.file.string(), entry.bytes, local_time_text(entry.last_use),
                              std::int64_t{entry.in_use}});
    return table;
}

void show_cache(const SweepOptions& options, bool clear, bool disk, TableFormat format) {
    const CacheFolder cache(options.cache_folder());
    const std::int64_t freed = clear ? cache.clear() : 0;
    const std::vector<CacheEntry> entries = cache.entries();
    if (format != TableFormat::text) return fmt::print("{}", to_string(cache_table(entries), format));
    if (clear) fmt::print("{} freed\n", byte_size_text(freed));
    if (disk) {
        fmt::print("{} may hold {} unless a sweep says otherwise (`disk:` or --disk)\n", cache.path().string(),
                   byte_size_text(default_cache_budget(cache.path())));
    } else if (!entries.empty()) {
        fmt::print("{:<44} {:<16} {:>10}  last use\n", "what", "of", "size");
        for (const CacheEntry& entry : entries)
            fmt::print("{:<44} {:<16} {:>10}  {}{}\n", entry.what, entry.of, byte_size_text(entry.bytes),
                       local_time_text(entry.last_use), entry.in_use ? ", in use" : "");
    }
    fmt::print("{}: {} files, {}\n", cache.path().string(), entries.size(), byte_size_text(cache.held()));
}

/// CLI11 does not say what a mistyped command may have meant. Throws UserError.
void require_command(const CLI::App& app, const std::string& word) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (command->check_name(word)) return;
        names.push_back(command->get_name());
    }
    throw UserError("there is no command '{}'{}; `thaw --help` lists them", word, did_you_mean(word, names));
}

int main_of(int argc, char** argv) {
    CLI::App app{
        "thaw: which pretrained backbone, frozen how deep, under which head, is best for your images?\n"
        "Example: thaw run sweeps/quickstart.yaml"};
    app.set_version_flag("--version",
                         THAW_VERSION "\nLicensed under the Apache License 2.0; NOTICE lists what it is built on.");
    app.require_subcommand(1);
    int exit_code = kDone;

    std::string command_line;
    for (int i = 0; i < argc; ++i) command_line += (i ? " " : "") + std::string(argv[i]);
    add_init_command(app);
    add_sweep_commands(app, command_line, exit_code);

    add_results_commands(app);
    add_report_command(app);
    add_predict_command(app, exit_code);
    add_features_command(app);
    add_backbones_command(app);

    add_weights_command(app);
    add_export_command(app);

    SweepOptions cache_options;
    bool clear = false, disk = false;
    TableFormat cache_format = TableFormat::text;
    auto* cache = app.add_subcommand("cache", "List what sweeps keep of images and features, or clear it");
    cache->add_option("--cache", cache_options.cache, "The cache's folder (default: RUNS/.cache)")
        ->envname("THAW_CACHE");
    cache->add_option("--runs", cache_options.runs, "Where run folders lie")->capture_default_str();
    cache->add_flag("--clear", clear, "Remove all that no running sweep uses");
    cache->add_flag("--disk", disk, "Show how much it holds and may hold");
    cache->footer("Examples:\n  thaw cache\n  thaw cache --runs /scratch/runs --clear");
    add_format_options(*cache, cache_format);
    cache->callback([&] { show_cache(cache_options, clear, disk, cache_format); });

    auto* data = app.add_subcommand("data", "Make image folders, and look at augmentation");
    data->require_subcommand(1);
    std::string tree, idx_folder = kFashionMnistFolder;
    int per_class = 60, validation_per_class = 20;
    auto* fashion = data->add_subcommand("fashion-mnist", "Debian's dataset-fashion-mnist as a class-per-folder tree");
    fashion->add_option("out", tree, "The folder to make")->required()->type_name("FOLDER");
    fashion->add_option("--per-class", per_class, "Training images of each class")->capture_default_str();
    fashion->add_option("--validation-per-class", validation_per_class, "Validation images of each class")
        ->capture_default_str();
    fashion->add_option("--from", idx_folder, "Where the idx files are")->capture_default_str();
    fashion->footer("Example: thaw data fashion-mnist data/fashion --per-class 100");
    fashion->callback([&] { write_fashion_mnist_tree(idx_folder, tree, per_class, validation_per_class); });

    add_preview_command(*data);

    add_help_command(app);
    add_page_commands(app);

    try {
        if (argc > 1 && *argv[1] != '-') require_command(app, argv[1]);
        parse_words(app, argc, argv);
        finish_output();
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kWrongInput;
    } catch (const std::exception& error) {
        print_error(error);
        return exit_code_of(error);
    }
    return exit_code;
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    // Results go to stdout, all else to stderr.
    const char* no_color = std::getenv("NO_COLOR");  // no-color.org: any text but none
    const bool plain = no_color && *no_color;
    spdlog::set_default_logger(
        spdlog::stderr_color_mt("thaw", plain ? spdlog::color_mode::never : spdlog::color_mode::automatic));
    spdlog::set_pattern("thaw: %^%l%$: %v");
    return thaw::main_of(argc, argv);
}
