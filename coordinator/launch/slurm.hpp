// A sweep as a Slurm job: the script that `thaw submit` writes, and its way to sbatch.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace thaw {

/// What a sweep asks of Slurm. Zero and "" leave a choice to the cluster.
struct SlurmJob {
    int nodes = 1;
    int gpus_per_node = 0;
    int ranks_per_node = 0;  // 0: one for each GPU, or one on a node without
    int cpus_per_rank = 4;
    std::string time, partition, account;
    std::string launcher = "srun";
    std::string signal = "USR2@120";      // which one, and how many seconds before the time is up
    std::vector<std::string> directives;  // more of sbatch's options
};

/// The script: cluster/sweep.sbatch with its first part filled in. `sweep` are the words of the command that runs the
/// sweep, in the folder `working`; its output goes to `log`, which may contain sbatch's %j. Throws UserError for what
/// sbatch or a shell would misunderstand.
std::string sbatch_script(const SlurmJob& job, const std::string& name, const std::vector<std::string>& sweep,
                          const std::filesystem::path& working, const std::filesystem::path& log);

/// A word as a shell reads it back, quoted where need be.
std::string shell_word(const std::string& word);

/// Hands a script to sbatch and returns the job's id. Throws UserError with what sbatch said.
std::string submit_script(const std::filesystem::path& script);

}  // namespace thaw
