#include "coordinator/launch/slurm.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <regex>

#include "common/util/error.hpp"
#include "coordinator/launch/embedded.hpp"

namespace thaw {
namespace {

/// sbatch reads the rest of the line: what ends it, or divides it, would become other options.
void check_value(const char* option, const std::string& value) {
    const auto harmful = [](char c) { return std::isspace(static_cast<unsigned char>(c)) || c == '"' || c == '\''; };
    if (std::any_of(value.begin(), value.end(), harmful))
        throw UserError("{} '{}' must be one word without quotes", option, value);
}

void check(const SlurmJob& job) {
    check_value("--time", job.time);
    check_value("--partition", job.partition);
    check_value("--account", job.account);
    for (const std::string& directive : job.directives) {
        check_value("--sbatch", directive);
        if (!directive.starts_with("--"))
            throw UserError("--sbatch '{}' is no option of sbatch; write it as --sbatch=--qos=high", directive);
    }
    if (job.launcher != "srun" && job.launcher != "mpirun")
        throw UserError("--launcher is '{}'; it must be srun or mpirun", job.launcher);
    // The script leaves TERM alone, for scancel sends it to end a job for good.
    static const std::regex kSignal("USR[12]@[0-9]{1,5}");
    if (!std::regex_match(job.signal, kSignal))
        throw UserError("--signal is '{}'; it must be USR1@SECONDS or USR2@SECONDS", job.signal);
}

/// A path in a directive: quoted, and without sbatch's patterns but for the job's number, %j.
std::string log_pattern(const std::filesystem::path& log) {
    std::string pattern;
    for (const char c : log.parent_path().string() + "/") {
        if (c == '\n' || c == '"' || c == '\\')
            throw UserError("sbatch cannot write its log to {}; choose another place with --runs",
                            log.parent_path().string());
        pattern += c;
        if (c == '%') pattern += c;
    }
    return '"' + pattern + log.filename().string() + '"';
}

std::string directives_of(const SlurmJob& job, const std::string& name, const std::filesystem::path& log) {
    std::string text;
    const auto line = [&](const std::string& option, const std::string& value) {
        if (!value.empty()) text += fmt::format("#SBATCH --{}={}\n", option, value);
    };
    const auto count_or_none = [](int count) { return count > 0 ? std::to_string(count) : ""; };
    const int ranks = job.ranks_per_node > 0 ? job.ranks_per_node : std::max(job.gpus_per_node, 1);
    line("job-name", "thaw-" + name);
    line("nodes", std::to_string(job.nodes));
    line("ntasks-per-node", std::to_string(ranks));
    line("gpus-per-node", count_or_none(job.gpus_per_node));
    line("cpus-per-task", count_or_none(job.cpus_per_rank));
    line("time", job.time);
    line("partition", job.partition);
    line("account", job.account);
    line("output", log_pattern(log));
    line("open-mode", "append");
    line("signal", "B:" + job.signal);  // to the script, whatever launches the ranks
    text += "#SBATCH --requeue\n";
    for (const std::string& directive : job.directives) text += "#SBATCH " + directive + "\n";
    return text;
}

}  // namespace

std::string shell_word(const std::string& word) {
    const auto plain = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) ||
               std::string_view("-_./:=,+@%").find(c) != std::string::npos;
    };
    if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string sbatch_script(const SlurmJob& job, const std::string& name, const std::vector<std::string>& sweep,
                          const std::filesystem::path& working, const std::filesystem::path& log) {
    check(job);
    const std::string_view whole = kSweepSbatch;
    const auto fixed = whole.find("# From here on");
    THAW_CHECK(fixed != std::string_view::npos, "cluster/sweep.sbatch has lost its middle");
    std::string words;
    for (const std::string& word : sweep) words += (words.empty() ? "" : " ") + shell_word(word);
    return fmt::format("#!/bin/bash\n# Written by `thaw submit`; `sbatch` with this file submits it again.\n#\n{}\n",
                       directives_of(job, name, log)) +
           fmt::format("cd {} || exit 2\nsweep=({})\nlauncher=${{THAW_LAUNCHER:-{}}}\n\n", shell_word(working.string()),
                       words, job.launcher) +
           std::string(whole.substr(fixed));
}

std::string submit_script(const std::filesystem::path& script) {
    const std::string command = "sbatch --parsable " + shell_word(script.string()) + " 2>&1";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (!pipe) throw UserError("cannot start sbatch");
    std::string said;
    std::array<char, 256> piece{};
    while (std::fgets(piece.data(), piece.size(), pipe)) said += piece.data();
    const int status = ::pclose(pipe);
    while (!said.empty() && said.back() == '\n') said.pop_back();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        throw UserError("sbatch is not on this machine: submit from one of the cluster's login nodes; {} is written",
                        script.string());
    if (status != 0) throw UserError("sbatch declined {}: {}", script.string(), said);
    const auto number = said.rfind('\n');  // after warnings, if there are any
    std::string id = number == std::string::npos ? said : said.substr(number + 1);
    return id.substr(0, id.find(';'));  // on several clusters: "ID;CLUSTER"
}

}  // namespace thaw
