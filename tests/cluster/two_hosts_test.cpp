// A sweep over two hosts, and the cable between them pulled out: two network namespaces, mpirun with a launcher of the
// test's own in place of ssh (tests/cluster/two_hosts). They share files, memory and cores; networks and host names
// they do not.
#include "tests/cluster/sweep_under_launcher.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kScript = THAW_SOURCE_DIR "/tests/cluster/two_hosts";

class TwoHosts : public SweepUnderLauncher {
  protected:
    void SetUp() override {
        const Ended made = call({kScript, "make", name_});
        if (made.exit_code == 77) GTEST_SKIP() << made.output;
        ASSERT_EQ(made.exit_code, 0) << made.errors;
        for (const auto& [name, value] :
             std::vector<std::pair<const char*, std::string>>{{"TWO_HOSTS", name_},
                                                              {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                                                              {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                                                              {"OMPI_MCA_plm_rsh_agent", kScript + " on"},
                                                              {"OMPI_MCA_btl", "self,tcp"},
                                                              {"OMPI_MCA_mpi_yield_when_idle", "1"}})
            ::setenv(name, value.c_str(), 1);
        std::ofstream(folder_ / "hosts") << "10.77.0.1 slots=1\n10.77.0.2 slots=1\n";
        EndToEnd::SetUp();
    }
    void TearDown() override { call({kScript, "remove", name_}); }

    void cable(const std::string& state) { ASSERT_EQ(call({kScript, "cable", name_, state}).exit_code, 0); }
    /// The sweep with a rank on each host, into the folder `runs`.
    Words on_both(const std::string& file, const std::string& restarts = "0") const {
        return {kScript,
                "on",
                "10.77.0.1",
                THAW_SOURCE_DIR "/cluster/run.sh",
                "-n",
                "2",
                "--hostfile",
                (folder_ / "hosts").string(),
                "--restarts",
                restarts,
                THAW_PROGRAM,
                "run",
                file,
                "--runs",
                (folder_ / "runs").string(),
                "--threads",
                "1"};
    }

    const std::string name_ = "thaw-hosts-" + std::to_string(::getpid());
};

TEST_F(TwoHosts, RunASweepWithTheResultsOfOne) {
    const std::string file = sweep(kMixedAxes + kAlone);
    const Ended ended = call(on_both(file));
    ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr("on 2 ranks of 1 threads"));
    EXPECT_EQ(query("SELECT count(DISTINCT rank) FROM stages"), "2\n");
    EXPECT_EQ(results(), undisturbed(file));
}

TEST_F(TwoHosts, TrainOneTrialTogether) {
    const std::string file =
        sweep("backbone: mobilenet_v2\nfreeze: features.15\ndropout: 0.3\nepochs: 3\nranks_per_trial: 2\n");
    const Ended ended = call(on_both(file));
    ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    ASSERT_EQ(run(file, "alone").exit_code, 0);
    const std::string losses = "SELECT train_loss FROM epochs ORDER BY epoch";
    std::istringstream together(query(losses)), alone(query(losses, "alone"));
    for (int epoch = 1; epoch <= 3; ++epoch) {
        double here = 0, there = 1;
        ASSERT_TRUE(together >> here && alone >> there);
        EXPECT_NEAR(here, there, 1e-5 * there) << epoch;  // float32: rounding grows from step to step
    }
}

TEST_F(TwoHosts, EndSoonWhenTheCableIsPulledAndGoOnWhenItIsBack) {
    // A rank may be waiting for the other's gradients.
    const std::string file = sweep(
        "backbone: mobilenet_v2\nfreeze: features.15\ndropout: 0.3\nepochs: [2, 60]\n"
        "ranks_per_trial: 2\n");
    TemporaryFolder output;
    Process world(output.path(), on_both(file));
    wait_for_epochs(3);
    cable("down");
    ASSERT_TRUE(wait_until([&] { return !world.running(); }, Seconds(30)));
    const Ended ended = world.wait();
    EXPECT_THAT(ended.exit_code, testing::AllOf(Not(0), Not(1), Not(2))) << ended.errors;
    EXPECT_TRUE(wait_until([&] { return ranks().empty(); }, Seconds(30)));
    EXPECT_THAT(query("SELECT id FROM trials WHERE state != 'finished'"), Not(IsEmpty()));

    cable("up");
    const Ended again = call(on_both(file));
    ASSERT_EQ(again.exit_code, 0) << again.errors;
    const std::string interrupted = results();
    std::filesystem::remove_all(folder_ / "runs");
    ASSERT_EQ(call(on_both(file)).exit_code, 0);
    EXPECT_EQ(interrupted, results());
}

TEST_F(TwoHosts, StartAgainWithoutHelpWhenARankDies) {
    const std::string file = sweep(kLongAxes);
    TemporaryFolder output;
    Process world(output.path(), on_both(file, "1"));
    wait_for_epochs(3);
    const std::vector<pid_t> all = ranks();
    ASSERT_EQ(all.size(), 2u);
    ::kill(*std::max_element(all.begin(), all.end()), SIGKILL);
    const Ended ended = world.wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr("starting it again"));
    EXPECT_EQ(results(), undisturbed(file));
}

}  // namespace
}  // namespace thaw
