// thaw submit against a real Slurm, which the test starts: two nodes on this machine (tests/cluster/private_slurm).
#include "tests/cluster/sweep_under_launcher.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

const char* const kScript = THAW_SOURCE_DIR "/tests/cluster/private_slurm";

class Slurm : public SweepUnderLauncher {
  protected:
    void SetUp() override {
        const Ended started = call({kScript, "start", cluster_.path().string()});
        if (started.exit_code == 77) GTEST_SKIP() << started.output;
        ASSERT_EQ(started.exit_code, 0) << started.errors;
        ::setenv("SLURM_CONF", (cluster_ / "slurm.conf").c_str(), 1);
        // Ranks find each other over loopback, as root.
        for (const auto& [name, value] :
             std::vector<std::pair<const char*, const char*>>{{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                                                              {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                                                              {"OMPI_MCA_btl", "self,tcp"},
                                                              {"OMPI_MCA_btl_tcp_if_include", "lo"},
                                                              {"OMPI_MCA_oob_tcp_if_include", "lo"},
                                                              {"OMPI_MCA_mpi_yield_when_idle", "1"}})
            ::setenv(name, value, 1);
        EndToEnd::SetUp();
    }
    void TearDown() override { call({kScript, "stop", cluster_.path().string()}); }

    /// The job's id.
    std::string submit(const std::string& file, const Words& more = {}) {
        Words words = {"submit", file, "--runs", (folder_ / "runs").string(), "--cpus-per-rank", "2", "--threads", "2"};
        words.insert(words.end(), more.begin(), more.end());
        const Ended ended = thaw(words);
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
        return ended.output.substr(0, ended.output.find('\n'));
    }
    /// A field of `scontrol show job`.
    std::string shown(const std::string& job, const std::string& field) {
        const std::string text = call({"scontrol", "show", "job", job}).output;
        const auto start = text.find(field + "=");
        if (start == std::string::npos) return "";
        const auto value = start + field.size() + 1;
        return text.substr(value, text.find_first_of(" \n", value) - value);
    }
    /// Waits until the job has left the queue; then what its log says is in the failure, if there is one.
    void expect_end(const std::string& job, const std::string& state) {
        EXPECT_TRUE(wait_until([&] {
            std::this_thread::sleep_for(200ms);
            const std::string now = shown(job, "JobState");
            return now != "PENDING" && now != "RUNNING" && now != "COMPLETING";
        }));
        EXPECT_EQ(shown(job, "JobState"), state) << log(job);
    }
    std::string log(const std::string& job) const {
        return text_of(folder_ / "runs" / "test" / ("slurm-" + job + ".log"));
    }
    TemporaryFolder cluster_;
};

TEST_F(Slurm, RunsASweepOnTwoNodesToItsEnd) {
    const std::string file = sweep(kMixedAxes + kAlone);
    const std::string job = submit(file, {"--nodes", "2", "--gpus-per-node", "2"});
    expect_end(job, "COMPLETED");
    EXPECT_THAT(log(job), HasSubstr("on 4 ranks of 2 threads"));
    EXPECT_EQ(shown(job, "Restarts"), "0");
    EXPECT_EQ(results(), undisturbed(file));
}

TEST_F(Slurm, AskedToStopGoesBackIntoTheQueueAndOn) {
    const std::string file = sweep(kLongAxes);
    const std::string job = submit(file, {"--nodes", "2", "--launcher", "mpirun"});
    wait_for_epochs(2);
    // What Slurm does itself when the time is nearly up.
    EXPECT_EQ(call({"scancel", "--batch", "--signal=USR2", job}).exit_code, 0);
    expect_end(job, "COMPLETED");
    EXPECT_THAT(log(job), HasSubstr("ended with 75; back into the queue"));
    EXPECT_EQ(shown(job, "Restarts"), "1") << log(job);
    EXPECT_EQ(results(), undisturbed(file));
}

TEST_F(Slurm, TimeThatIsNearlyUpIsSuchASignal) {
    const std::string file = sweep(kLongAxes);
    const std::string job = submit(file, {"--time", "1", "--signal", "USR2@55"});
    wait_for_epochs(2);
    send_to_ranks(SIGSTOP);  // a long epoch, which costs no one anything; Slurm looks at time limits every 30 s
    EXPECT_TRUE(wait_until([&] {
        const std::vector<pid_t> all = ranks();
        return std::any_of(all.begin(), all.end(), [](pid_t rank) {
            const std::string status = text_of("/proc/" + std::to_string(rank) + "/status");
            const auto pending = status.find("ShdPnd:");
            const auto end = status.find('\n', pending);
            return pending != std::string::npos &&
                   std::stoull(status.substr(pending + 7, end - pending - 7), nullptr, 16) >> (SIGUSR2 - 1) & 1;
        });
    })) << log(job);
    send_to_ranks(SIGCONT);
    expect_end(job, "COMPLETED");
    EXPECT_THAT(log(job), HasSubstr("ended with 75; back into the queue"));
    EXPECT_EQ(shown(job, "Restarts"), "1") << log(job);
    EXPECT_EQ(results(), undisturbed(file));
}

TEST_F(Slurm, ScancelIsFinal) {
    const std::string file = sweep(kLongAxes);
    const std::string job = submit(file, {"--nodes", "2"});
    wait_for_epochs(2);
    EXPECT_EQ(call({"scancel", job}).exit_code, 0);
    expect_end(job, "CANCELLED");
    EXPECT_TRUE(wait_until([&] { return ranks().empty(); }));
    EXPECT_EQ(shown(job, "Restarts"), "0");
    // What was done is not lost: the same sweep by hand goes on.
    EXPECT_EQ(run(file).exit_code, 0);
    EXPECT_EQ(results(), undisturbed(file));
}

TEST_F(Slurm, AKilledRankEndsTheWorldAndTheJobGoesOn) {
    const std::string file = sweep(kLongAxes);
    const std::string job = submit(file, {"--nodes", "2"});
    wait_for_epochs(2);
    const std::vector<pid_t> all = ranks();
    ASSERT_EQ(all.size(), 2u);
    ::kill(*std::max_element(all.begin(), all.end()), SIGKILL);
    expect_end(job, "COMPLETED");
    EXPECT_EQ(shown(job, "Restarts"), "1") << log(job);
    EXPECT_EQ(results(), undisturbed(file));
}

TEST_F(Slurm, WhatSbatchDeclinesIsAnInputError) {
    const Ended ended =
        thaw({"submit", sweep(kMixedAxes), "--partition", "nowhere", "--runs", (folder_ / "runs").string()});
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("invalid partition specified: nowhere"));
    EXPECT_EQ(ended.output, "");
}

}  // namespace
}  // namespace thaw
