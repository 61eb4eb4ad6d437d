#include "cli/submit_options.hpp"

#include <CLI/CLI.hpp>

namespace thaw {
namespace {

struct Number {
    const char* name;
    int SlurmJob::*member;
    const char* help;
};
constexpr Number kJobNumbers[] = {
    {"--nodes", &SlurmJob::nodes, "Hosts"},
    {"--gpus-per-node", &SlurmJob::gpus_per_node, "GPUs of each host (default: none)"},
    {"--ranks-per-node", &SlurmJob::ranks_per_node, "Ranks on each host (default: one for each GPU, else one)"},
    {"--cpus-per-rank", &SlurmJob::cpus_per_rank, "Cores of each rank"},
};

struct Text {
    const char* name;
    std::string SlurmJob::*member;
    const char* help;
};
constexpr Text kTexts[] = {
    {"--time", &SlurmJob::time, "Time limit, such as 12:00:00; the job goes on after it (default: the cluster's)"},
    {"--partition", &SlurmJob::partition, "Partition (default: the cluster's)"},
    {"--account", &SlurmJob::account, "Who pays (default: the cluster's)"},
    {"--launcher", &SlurmJob::launcher, "What starts the ranks: srun, or mpirun inside the allocation"},
    {"--signal", &SlurmJob::signal, "USR1 or USR2, and how many seconds before the time is up it asks thaw to stop"},
};

}  // namespace

void add_slurm_options(CLI::App& command, SlurmJob& job) {
    for (const auto& [name, member, help] : kJobNumbers) {
        CLI::Option* option = command.add_option(name, job.*member, help)->check(CLI::Range(1, 1'000'000));
        if (job.*member > 0) option->capture_default_str();
    }
    for (const auto& [name, member, help] : kTexts) {
        CLI::Option* option = command.add_option(name, job.*member, help);
        if (!(job.*member).empty()) option->capture_default_str();
    }
    command.add_option("--sbatch", job.directives, "One more of sbatch's options, as in --sbatch=--constraint=a100")
        ->expected(1)
        ->take_all();
}

std::vector<std::string> given_words(const std::vector<CLI::Option*>& options) {
    std::vector<std::string> words;
    for (const CLI::Option* option : options) {
        if (option->count() == 0) continue;
        if (!option->get_positional()) words.push_back(option->get_name());
        if (option->get_expected_max() == 0) continue;  // a flag
        for (const std::string& value : option->results()) words.push_back(value);
    }
    return words;
}

}  // namespace thaw
