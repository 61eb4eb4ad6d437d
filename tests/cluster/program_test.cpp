// What of launching needs no cluster: signals, `thaw submit` up to sbatch, the warning of badly placed ranks, help.
#include "tests/cluster/sweep_under_launcher.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Program : public SweepUnderLauncher {};

TEST_F(Program, StopsWhenASignalOfSlurmsAsksAndGoesOn) {
    const std::string file = sweep(kLongAxes);
    for (const int signal : {SIGUSR1, SIGUSR2}) {
        const int before = epochs_done();
        Process process(folder_.path(), run_command(file, "runs"));
        wait_for_epochs(before + 2);
        process.send(signal);
        EXPECT_EQ(process.wait().exit_code, 75);
    }
    EXPECT_EQ(run(file).exit_code, 0);
    EXPECT_EQ(results(), undisturbed(file));
}

TEST_F(Program, SubmitShowsTheScriptAndWritesNothing) {
    const Ended ended = thaw({"submit", sweep(kMixedAxes), "--runs", (folder_ / "runs").string(), "--nodes", "2",
                              "--gpus-per-node", "4", "--memory", "8 GB", "--dry-run"});
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.output, AllOf(HasSubstr("#SBATCH --job-name=thaw-test\n"), HasSubstr("#SBATCH --nodes=2\n"),
                                    HasSubstr(std::string("sweep=(") + THAW_PROGRAM + " run "),
                                    HasSubstr("--memory '8 GB'"), HasSubstr("scontrol requeue")));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "runs"));
}

TEST_F(Program, SubmitFindsMistakesBeforeAnythingIsWritten) {
    for (const char* axes : {"backbone: mobilenet_v3\n", "backbone: mobilenet_v2\nfreeze: nowhere\n"}) {
        const Ended ended = thaw({"submit", sweep(axes), "--runs", (folder_ / "runs").string()});
        EXPECT_EQ(ended.exit_code, 2);
        EXPECT_THAT(ended.errors, HasSubstr("sweep.yaml:"));
        EXPECT_FALSE(std::filesystem::exists(folder_ / "runs"));
    }
    EXPECT_EQ(thaw({"submit", sweep(kMixedAxes), "--nodes", "0"}).exit_code, 2);
    EXPECT_EQ(thaw({"submit", sweep(kMixedAxes), "--bogus"}).exit_code, 2);
}

TEST_F(Program, SubmitSaysWhereSbatchIsMissing) {
    Words words = command({"submit", sweep(kMixedAxes), "--runs", (folder_ / "runs").string()});
    words.insert(words.begin(), {"/usr/bin/env", "PATH=/nowhere"});
    const Ended ended = call(words);
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("sbatch is not on this machine"));
}

TEST_F(Program, WarnsOnceForAHostWhoseRanksAreTooMany) {
    const Ended ended = call(on_ranks(2, command({"run", sweep("backbone: mobilenet_v2\nepochs: 1\n"), "--threads",
                                                  "500", "--runs", (folder_ / "runs").string()})));
    const std::string warning = "2 ranks with 1000 threads in all share";
    EXPECT_THAT(ended.errors, HasSubstr(warning));
    EXPECT_EQ(ended.errors.find(warning), ended.errors.rfind(warning));
}

TEST_F(Program, HasHelpOnClusters) {
    EXPECT_EQ(thaw({"help"}).exit_code, 0);
    EXPECT_THAT(thaw({"help", "cluster"}).output, HasSubstr("Take one rank per GPU"));
    EXPECT_EQ(thaw({"help", "weather"}).exit_code, 2);
}

}  // namespace
}  // namespace thaw
