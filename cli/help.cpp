#include "cli/help.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "cli/embedded.hpp"
#include "common/util/error.hpp"
#include "common/util/nearest.hpp"
#include "results/query/schema_help.hpp"

namespace thaw {
namespace {

struct Topic {
    std::string_view name, summary, text;
};
/// Texts of other files: they are there once all of these have been initialized.
const std::vector<Topic>& topics() {
    static const std::string schema = schema_help();
    static const std::vector<Topic> kTopics = {
        {"getting-started", "from photos to predictions, step by step", kDocGettingStarted},
        {"install", "Debian, GPUs, build presets, completion", kDocInstall},
        {"sweep-files", "how to write a sweep: axes, freezing, conditions, phases", kDocSweepFiles},
        {"sweep-reference", "every key of a sweep file", kDocSweepReference},
        {"searching", "random search, and stopping poor trials early", kDocSearching},
        {"data", "folders, splits, cross-validation, images, augmentation", kDocData},
        {"weights", "networks, where weights come from, your own files", kDocWeights},
        {"fine-tuning-advice", "what to try first", kDocFineTuningAdvice},
        {"results-and-report", "leaderboard, queries, SQL, report, other tools", kDocResultsAndReport},
        {"statistics", "intervals and tests", kDocStatistics},
        {"exporting-and-serving", "predictions, features, one file for PyTorch", kDocExportingAndServing},
        {"clusters", "several ranks, GPUs and hosts: mpirun, Slurm, crashes", kDocClusters},
        {"reproducibility", "what is equal bit for bit; exit codes, resuming, the cache", kDocReproducibility},
        {"benchmarks", "measured speed", kDocBenchmarks},
        {"troubleshooting", "by message", kDocTroubleshooting},
        {"for-developers", "tests and where to add something", kDocForDevelopers},
        {"schema", "the results database: every view and column that queries can ask for", schema},
    };
    return kTopics;
}

/// Whether the topic is the page's name, or a part of it between dashes, with or without the plural's s.
bool names(std::string_view page, std::string_view topic) {
    if (page == topic) return true;
    const std::string parts = '-' + std::string(page) + '-';
    const std::string part = '-' + std::string(topic);
    return parts.find(part + '-') != std::string::npos || parts.find(part + "s-") != std::string::npos;
}

}  // namespace

bool is_help_topic(std::string_view topic) {
    return std::any_of(topics().begin(), topics().end(), [&](const Topic& page) { return names(page.name, topic); });
}

std::string help_text(const std::string& topic) {
    if (topic.empty()) {
        std::string list = "Topics, which are the pages of docs/:\n";
        for (const auto& [name, summary, text] : topics()) list += fmt::format("  {:<22} {}\n", name, summary);
        return list + "`thaw help TOPIC` prints one, `thaw COMMAND --help` a command's options.\n";
    }
    std::vector<std::string> all;
    for (const auto& [name, summary, text] : topics()) {
        if (names(name, topic)) return std::string(text);
        all.emplace_back(name);
    }
    throw UserError("there is no help on '{}'{}; `thaw help` lists the topics", topic, did_you_mean(topic, all));
}

void add_help_command(CLI::App& app) {
    const auto topic = std::make_shared<std::string>();
    auto* help = app.add_subcommand("help", "Print a page of the documentation, or a command's options");
    help->add_option("topic", *topic, "A page or a command; without: the list of pages")->type_name("TOPIC");
    help->footer("Examples:\n  thaw help\n  thaw help sweep-files\n  thaw help run");
    help->callback([topic, &app] {
        const auto is_it = [&](const CLI::App* command) { return command->get_name() == *topic; };
        const auto commands = app.get_subcommands(is_it);
        if (!is_help_topic(*topic) && !commands.empty())
            fmt::print("{}", commands.front()->help(app.get_name()));
        else
            fmt::print("{}", help_text(*topic));
    });
}

}  // namespace thaw
