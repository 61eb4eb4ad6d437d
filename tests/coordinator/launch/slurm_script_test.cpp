// What `thaw submit` writes, read by a real shell with a Slurm of three lines: what is started, with which words, and
// what becomes of each way to end.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "cli/submit_options.hpp"
#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "coordinator/launch/embedded.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// Runs scripts with programs of its own in front of the PATH.
class SlurmScript : public testing::Test {
  protected:
    SlurmScript() {
        fs::create_directories(folder_ / "bin");
        // The launchers print their words, one a line, and end as the test says.
        for (const char* launcher : {"srun", "mpirun"})
            program(launcher, "echo " + std::string(launcher) + "\nprintf '%s\\n' \"$@\"\nexit ${STATUS:-0}\n");
        program("scontrol", "echo scontrol \"$@\"\n");
        ::setenv("PATH", ((folder_ / "bin").string() + ":" + ::getenv("PATH")).c_str(), 1);
    }
    void program(const std::string& name, const std::string& body) {
        const fs::path file = folder_ / "bin" / name;
        std::ofstream(file) << "#!/bin/bash\n" << body;
        fs::permissions(file, fs::perms::owner_all);
    }
    std::string script(const SlurmJob& job = {}, const Words& sweep = {"thaw", "run", "sweep.yaml"}) {
        return sbatch_script(job, "flowers", sweep, folder_.path(), folder_ / "slurm-%j.log");
    }
    /// What a script prints when Slurm runs it as job 7; `environment` are assignments before it.
    std::string run(const std::string& text, const std::string& environment = "") {
        std::ofstream(folder_ / "script") << text;
        const std::string command = "cd / && SLURM_JOB_ID=7 SLURM_CPUS_PER_TASK=3 " + environment + " bash '" +
                                    (folder_ / "script").string() + "' >'" + (folder_ / "out").string() + "' 2>&1";
        status_ = std::system(command.c_str());
        status_ = WEXITSTATUS(status_);
        return read_file(folder_ / "out");
    }
    std::string message(const SlurmJob& job) {
        try {
            script(job);
        } catch (const UserError& error) {
            return error.what();
        }
        return "no error";
    }

    TemporaryFolder folder_;
    int status_ = 0;
};

TEST_F(SlurmScript, AsksForWhatTheJobSays) {
    SlurmJob job;
    job.nodes = 2;
    job.gpus_per_node = 4;
    job.cpus_per_rank = 8;
    job.time = "12:00:00";
    job.partition = "gpu";
    job.directives = {"--constraint=a100"};
    EXPECT_THAT(script(job), AllOf(HasSubstr("#SBATCH --nodes=2\n"), HasSubstr("#SBATCH --ntasks-per-node=4\n"),
                                   HasSubstr("#SBATCH --gpus-per-node=4\n"), HasSubstr("#SBATCH --cpus-per-task=8\n"),
                                   HasSubstr("#SBATCH --time=12:00:00\n"), HasSubstr("#SBATCH --partition=gpu\n"),
                                   HasSubstr("#SBATCH --constraint=a100\n"), HasSubstr("#SBATCH --requeue\n"),
                                   HasSubstr("#SBATCH --signal=B:USR2@120\n"), Not(HasSubstr("--account"))));
    job.ranks_per_node = 2;
    EXPECT_THAT(script(job), HasSubstr("#SBATCH --ntasks-per-node=2\n"));
}

TEST_F(SlurmScript, LeavesToTheClusterWhatIsNotSaid) {
    EXPECT_THAT(script(), AllOf(HasSubstr("#SBATCH --ntasks-per-node=1\n"), Not(HasSubstr("gpus")),
                                Not(HasSubstr("--time")), Not(HasSubstr("--partition"))));
}

TEST_F(SlurmScript, StartsTheSweepWithItsWordsAsTheyWere) {
    const Words sweep = {
        "/opt/my thaw/thaw", "run", "it's \"my\" $sweep.yaml", "--memory", "8 GB", "--runs", "", "a\nb"};
    std::string expected = "srun\n--mpi=pmix\n--kill-on-bad-exit=1\n--cpus-per-task=3\n";
    for (const std::string& word : sweep) expected += word + "\n";
    EXPECT_EQ(run(script({}, sweep)), expected);
    EXPECT_EQ(status_, 0);
}

TEST_F(SlurmScript, RunsInTheFolderThatItWasSubmittedFrom) {
    program("srun", "pwd\n");
    fs::create_directories(folder_ / "two words");
    EXPECT_EQ(run(sbatch_script({}, "flowers", {"thaw"}, folder_ / "two words", "/log")),
              (folder_ / "two words").string() + "\n");
}

TEST_F(SlurmScript, StartsMpirunWhereToldTo) {
    SlurmJob job;
    const std::string words = "mpirun\n--bind-to\nnone\nthaw\nrun\nsweep.yaml\n";
    EXPECT_EQ(run(script(job), "THAW_LAUNCHER=mpirun"), words);
    job.launcher = "mpirun";
    EXPECT_EQ(run(script(job)), words);
    EXPECT_THAT(run(script(job), "THAW_LAUNCHER=ssh"), HasSubstr("must be srun or mpirun"));
    EXPECT_EQ(status_, 2);
}

TEST_F(SlurmScript, GoesBackIntoTheQueueWhenInterruptedOrCrashed) {
    for (const char* status : {"75", "137"}) {
        EXPECT_THAT(run(script(), std::string("STATUS=") + status), HasSubstr("scontrol requeue 7\n")) << status;
        EXPECT_EQ(status_, 0) << status;
    }
    for (const int status : {0, 1, 2}) {
        EXPECT_THAT(run(script(), "STATUS=" + std::to_string(status)), Not(HasSubstr("requeue"))) << status;
        EXPECT_EQ(status_, status);
    }
}

TEST_F(SlurmScript, GoesBackIntoTheQueueABoundedNumberOfTimes) {
    EXPECT_THAT(run(script(), "STATUS=75 SLURM_RESTART_COUNT=19"), HasSubstr("scontrol requeue 7\n"));
    EXPECT_THAT(run(script(), "STATUS=75 SLURM_RESTART_COUNT=20"), HasSubstr("after 20 requeues"));
    EXPECT_EQ(status_, 75);
    EXPECT_THAT(run(script(), "STATUS=75 SLURM_RESTART_COUNT=2 THAW_REQUEUES=2"), HasSubstr("after 2 requeues"));
}

TEST_F(SlurmScript, PassesTheSignalOnAndWaitsForTheEnd) {
    for (const char* signal : {"USR1", "USR2"}) {
        // The launcher signals the script, its parent, as Slurm does; it ends only when it is asked to.
        program("srun", std::string("trap 'sleep 0.2; echo finished the epoch; exit 75' USR2\nkill -") + signal +
                            " $PPID\nfor i in {1..50}; do sleep 0.1; done\n");
        EXPECT_THAT(run(script()), AllOf(HasSubstr("finished the epoch\n"), HasSubstr("ended with 75"),
                                         HasSubstr("scontrol requeue 7\n")));
    }
}

TEST_F(SlurmScript, IsTheFileInClusterButForItsFirstPart) {
    const std::string own = read_file(fs::path(THAW_SOURCE_DIR) / "cluster/sweep.sbatch");
    EXPECT_EQ(own, kSweepSbatch);
    EXPECT_EQ(run(own), "srun\n--mpi=pmix\n--kill-on-bad-exit=1\n--cpus-per-task=3\nthaw\nrun\nsweep.yaml\n");
}

TEST_F(SlurmScript, QuotesTheLogsPlaceForSbatch) {
    EXPECT_THAT(sbatch_script({}, "f", {"thaw"}, "/", "/my runs/100%/slurm-%j.log"),
                HasSubstr("#SBATCH --output=\"/my runs/100%%/slurm-%j.log\"\n"));
    EXPECT_THROW(sbatch_script({}, "f", {"thaw"}, "/", "/a\nb/slurm-%j.log"), UserError);
}

TEST_F(SlurmScript, RefusesWhatSbatchWouldMisunderstand) {
    SlurmJob job;
    job.partition = "gpu\n#SBATCH --account=other";
    EXPECT_THAT(message(job), HasSubstr("--partition"));
    job = {};
    job.signal = "TERM@120";
    EXPECT_THAT(message(job), HasSubstr("USR1@SECONDS or USR2@SECONDS"));
    job = {};
    job.launcher = "ssh";
    EXPECT_THAT(message(job), HasSubstr("srun or mpirun"));
    job = {};
    job.directives = {"constraint"};
    EXPECT_THAT(message(job), HasSubstr("--sbatch=--qos=high"));
}

TEST_F(SlurmScript, HandsItselfToSbatchAndTellsItsJob) {
    program("sbatch", "[ \"$1\" = --parsable ] && echo 'a warning' && echo \"4711;cluster\"\n");
    EXPECT_EQ(submit_script(folder_ / "script"), "4711");
    program("sbatch", "echo 'sbatch: error: no such partition' >&2; exit 1\n");
    try {
        submit_script(folder_ / "script");
        FAIL();
    } catch (const UserError& error) {
        EXPECT_THAT(error.what(), HasSubstr("no such partition"));
    }
}

TEST(SubmitOptions, PassOnThoseOfRunThatWereGiven) {
    CLI::App command;
    std::string file, memory, cache;
    int threads = 0;
    bool quiet = false;
    command.add_option("sweep", file);
    command.add_option("--memory", memory);
    command.add_option("--cache", cache);
    command.add_option("--threads", threads);
    command.add_flag("--quiet,-q", quiet);
    const auto options = command.get_options();
    SlurmJob job;
    add_slurm_options(command, job);
    command.parse("--nodes 3 --memory '8 GB' -q sweep.yaml --sbatch=--qos=high --sbatch=--mem=64G");
    EXPECT_THAT(given_words(options), testing::ElementsAre("sweep.yaml", "--memory", "8 GB", "--quiet"));
    EXPECT_EQ(job.nodes, 3);
    EXPECT_THAT(job.directives, testing::ElementsAre("--qos=high", "--mem=64G"));
}

}  // namespace
}  // namespace thaw
