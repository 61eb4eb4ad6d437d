// What is lost where a rank falls silent, the disk is full, somebody interrupts, or a trial brings the world down.
#include <fmt/format.h>
#include <sys/mount.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "common/util/in_flight.hpp"
#include "tests/end_to_end/fixture.hpp"
#include "tests/end_to_end/world.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

/// One tail with epochs long enough to be interrupted in.
constexpr const char* kTail = "backbone: mobilenet_v2\nfreeze: features.5\nepochs: ";

class Loss : public EndToEnd {
  protected:
    ~Loss() override { ::unsetenv("THAW_PATIENCE"); }

    Words world(const std::string& file) const { return world_command(2, file, "runs"); }
    /// Waits until the query's answer is no longer `empty`.
    void wait_for(const std::string& sql, const std::string& empty, Process& process) {
        const auto end = Clock::now() + std::chrono::seconds(60);
        while (Clock::now() < end && process.running()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            if (!std::filesystem::exists(folder_ / "runs/test/results.db")) continue;
            const Ended ended = thaw_quietly(sql);
            if (ended.exit_code == 0 && ended.output.substr(ended.output.find('\n') + 1) != empty) return;
        }
        ADD_FAILURE() << sql << " is still " << empty;
    }
    Ended thaw_quietly(const std::string& sql) {
        TemporaryFolder scratch;  // the process under test writes into the other one
        return Process(scratch.path(), command({"query", "test", sql, "--csv", "--runs", (folder_ / "runs").string()}))
            .wait();
    }
    /// The process of the world that is this rank.
    static int process_of_rank(int mpirun, int rank) {
        const std::string wanted = "OMPI_COMM_WORLD_RANK=" + std::to_string(rank);
        for (const int process : descendants_of(mpirun))
            if (text_of("/proc/" + std::to_string(process) + "/environ").find(wanted + '\0') != std::string::npos)
                return process;
        return 0;
    }
    int snapshots() const {
        int count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(cache()))
            count += entry.path().extension() == ".state";
        return count;
    }
    static constexpr const char* kRunning = "SELECT count(*) FROM trials WHERE state = 'running'";
};

TEST_F(Loss, ASilentRankIsFoundNamedAndEndsTheWorldWhichGoesOnAfterwards) {
    const std::string file = sweep(kTail + std::string("12\nseed: [1, 2]\n"));
    for (const int rank : {1, 0}) {
        ::setenv("THAW_PATIENCE", "2", 1);
        Process process(folder_.path(), world(file));
        wait_for(fmt::format("{} AND sweep = {}", kRunning, 2 - rank), "0\n", process);
        const int silent = process_of_rank(process.id(), rank);
        ASSERT_GT(silent, 0);
        const std::vector<int> all = descendants_of(process.id());
        ::kill(silent, SIGSTOP);
        const auto start = Clock::now();
        const Ended ended = process.wait();
        EXPECT_LT(Clock::now() - start, std::chrono::seconds(20)) << "patience is 2 s";
        EXPECT_EQ(ended.exit_code, 75) << ended.errors;
        EXPECT_THAT(ended.errors, HasSubstr(rank == 1 ? "rank 1 of 2 (host " : "rank 0, which coordinates, was not"));
        EXPECT_THAT(ended.errors, AllOf(HasSubstr(" 2 s"), HasSubstr("run the same command to go on")));
        EXPECT_TRUE(all_end(all, std::chrono::seconds(10)));
    }
    ::unsetenv("THAW_PATIENCE");
    const Ended ended = call(world(file));
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    ASSERT_EQ(run(file, "undisturbed").exit_code, 0);
    EXPECT_EQ(results(), results("undisturbed"));
}

TEST_F(Loss, AnInterruptFinishesTheEpochAndLeavesASnapshotOfIt) {
    const std::string file = sweep(kTail + std::string("8\n"));
    Process process(folder_.path(), run_command(file, "runs"));
    wait_for("SELECT count(*) FROM epochs", "0\n", process);
    process.send(SIGINT);
    EXPECT_EQ(process.wait().exit_code, 75);
    const int done = std::stoi(query("SELECT max(epoch) FROM epochs"));
    ASSERT_LT(done, 8);
    EXPECT_EQ(snapshots(), 1);
    const std::string times = "SELECT epoch, quote(seconds) FROM epochs WHERE epoch <= " + std::to_string(done);
    const std::string before = query(times);
    EXPECT_EQ(query("SELECT state FROM trials"), "waiting\n") << "no world has died";
    ASSERT_EQ(run(file).exit_code, 0);
    EXPECT_EQ(query(times), before) << "not one epoch was trained again";
    ASSERT_EQ(run(file, "undisturbed").exit_code, 0);
    EXPECT_EQ(results(), results("undisturbed"));
}

/// A head, and a training whose epoch takes a while at 224 pixels: no signal finds one done.
class Deaths : public Loss {
  protected:
    std::string head_and_slow_training() {
        const std::string file = sweep("backbone: mobilenet_v2\nfreeze: [all, none]\nimage_size: 224\nepochs: 1\n");
        std::string yaml = text_of(file);
        yaml.erase(yaml.find("image_size: 40\n"), 15);
        std::ofstream(file) << yaml;
        return file;
    }
    /// Sends the signal when the slow training runs, and again to another run where that came before its work began:
    /// the process says in whose flight it died. Returns what the last one had told people.
    std::string die_in_flight(const std::string& file, int signal) {
        Words words = run_command(file, "runs");
        std::erase(words, "--quiet");
        std::string told;
        do {
            Process process(folder_.path(), words);
            wait_for(fmt::format("{} AND freeze = 'none' AND sweep = {}", kRunning, ++invocations_), "0\n", process);
            std::this_thread::sleep_for(std::chrono::milliseconds(10 * invocations_));
            process.send(signal);
            told = process.wait().errors;
        } while (signal != SIGKILL && !names_a_trial() && invocations_ < kMostInvocations);
        EXPECT_EQ(query("SELECT count(*) FROM epochs WHERE trial IN (SELECT id FROM trials WHERE freeze = 'none')"),
                  "0\n");
        return told;
    }
    bool names_a_trial() const {
        const auto reports = read_crash_reports(folder_ / "runs/test/scratch");
        return std::any_of(reports.begin(), reports.end(), [](const auto& report) { return !report.trials.empty(); });
    }
    static constexpr int kMostInvocations = 20;
    int invocations_ = 0;  // what the one before has left says running as well
    static constexpr const char* kStates = "SELECT freeze, state FROM trials ORDER BY 1";
};

TEST_F(Deaths, ATrialThatBringsTheProcessDownThreeTimesFailsAloneAndTheRestGoesOn) {
    const std::string file = head_and_slow_training();
    for (int time = 1; time <= 3; ++time) {
        const std::string told = die_in_flight(file, SIGSEGV);
        if (time == 1) continue;  // whatever was done by then
        EXPECT_THAT(told, HasSubstr("1 run alone, since an earlier run died during them"));
        EXPECT_EQ(query(kStates), "all,finished\nnone,running\n") << "it ran alone, after the others";
    }
    EXPECT_EQ(run(file).exit_code, 1);
    EXPECT_EQ(query(kStates), "all,finished\nnone,failed\n");
    EXPECT_THAT(query("SELECT message FROM failed_trials"),
                AllOf(HasSubstr("the world died 3 times while it ran"), HasSubstr("rank 0: SIGSEGV")));
    EXPECT_EQ(run(file).exit_code, 0) << "an invocation that ended in order gives it another chance";
}

TEST_F(Deaths, KillsFromOutsideAreNoTrialsFault) {
    const std::string file = head_and_slow_training();
    for (int time = 1; time <= 4; ++time) die_in_flight(file, SIGKILL);
    EXPECT_EQ(run(file).exit_code, 0);
    EXPECT_EQ(query(kStates), "all,finished\nnone,finished\n");
}

TEST_F(Loss, WithoutRoomTheSweepStopsCleanSaysWhatIsMissingAndGoesOnOnceThereIsSome) {
    const std::string file = sweep(kMixedAxes);
    std::string yaml = text_of(file);
    yaml.replace(yaml.find("image_size: 40"), 14,
                 "image_size: 96");  // a megabyte of images, more than the results have
    std::ofstream(file) << yaml;
    struct Case {
        const char* kilobytes;  // the largest file that may be written
        const char* missing;
    };
    for (const Case& limit : {Case{"700", "bytes needed"}, Case{"40", "the results"}}) {
        Words words = {"bash", "-c", "ulimit -f " + std::string(limit.kilobytes) + "; exec \"$@\"", "thaw"};
        for (const std::string& word : run_command(file, limit.kilobytes, {"--no-sharing"})) words.push_back(word);
        const Ended ended = call(words);
        EXPECT_EQ(ended.exit_code, 75) << ended.errors;
        EXPECT_THAT(ended.errors, AllOf(HasSubstr(limit.missing), HasSubstr((folder_ / limit.kilobytes).string()),
                                        HasSubstr("free"), HasSubstr("run the same command to go on")));
        EXPECT_EQ(run(file, limit.kilobytes, {"--no-sharing"}).exit_code, 0);
    }
    ASSERT_EQ(run(file, "roomy").exit_code, 0);
    EXPECT_EQ(results("700"), results("roomy"));
    EXPECT_EQ(results("40"), results("roomy"));
}

TEST_F(Loss, AFullDiskStopsTheSweepCleanAndNothingHalfWrittenIsUsed) {
    const std::filesystem::path disk = folder_ / "disk";
    std::filesystem::create_directories(disk);
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "cannot mount a small file system";
    const std::string file = sweep(kMixedAxes);
    const Ended ended = run(file, "disk", {"--no-sharing"});
    EXPECT_EQ(ended.exit_code, 75) << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr(disk.string()));
    EXPECT_EQ(::mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=100m"), 0);
    EXPECT_EQ(run(file, "disk", {"--no-sharing"}).exit_code, 0);
    const std::string table = results("disk");
    ::umount(disk.c_str());
    ASSERT_EQ(run(file, "roomy").exit_code, 0);
    EXPECT_EQ(table, results("roomy"));
}

}  // namespace
}  // namespace thaw
