#include "cli/help.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "common/util/error.hpp"
#include "common/util/nearest.hpp"
#include "coordinator/launch/cluster_texts.hpp"
#include "results/query/schema_help.hpp"

namespace thaw {
namespace {

struct Topic {
    const char* name;
    const char* summary;
    std::string text;
};
/// Texts of other files: they are there once all of these have been initialized.
const std::vector<Topic>& topics() {
    static const std::vector<Topic> kTopics = {
        {"cluster", "several ranks, GPUs and hosts: mpirun, Slurm, cores, crashes", std::string(kClusterHelp)},
        {"schema", "the results database: every view and column that queries can ask for", schema_help()},
    };
    return kTopics;
}

}  // namespace

std::string help_text(const std::string& topic) {
    std::string list;
    std::vector<std::string> names;
    for (const auto& [name, summary, text] : topics()) {
        if (name == topic) return text;
        list += fmt::format("  thaw help {:<12} {}\n", name, summary);
        names.push_back(name);
    }
    if (topic.empty()) return "Topics:\n" + list + "Options: thaw --help, thaw run --help\n";
    throw UserError("there is no help on '{}'{}; `thaw help` lists the topics", topic, did_you_mean(topic, names));
}

void add_help_command(CLI::App& app) {
    const auto topic = std::make_shared<std::string>();
    auto* help = app.add_subcommand("help", "More on a topic, such as cluster; without: the list of topics");
    help->add_option("topic", *topic, "The topic")->type_name("TOPIC");
    help->callback([topic] { fmt::print("{}", help_text(*topic)); });
}

}  // namespace thaw
