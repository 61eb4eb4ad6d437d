// What a process that dies says of itself, and what is near the limit of its memory.
#include "common/util/in_flight.hpp"

#include <gmock/gmock.h>
#include <signal.h>

#include <cstdlib>
#include <thread>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/memory_use.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::ExitedWithCode;
using testing::IsEmpty;
using testing::KilledBySignal;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class CrashReports : public testing::Test {
  protected:
    CrashReports() {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        // The process that dies runs this test anew, and inherits the folder.
        if (const char* inherited = std::getenv("THAW_CRASHES_FOLDER"))
            folder_ = inherited;
        else
            ::setenv("THAW_CRASHES_FOLDER", (folder_ = own_.path()).c_str(), 1);
    }
    ~CrashReports() override { ::unsetenv("THAW_CRASHES_FOLDER"); }

    TemporaryFolder own_;
    fs::path folder_;
};

TEST_F(CrashReports, NameTheSignalAndTheTrialsInFlight) {
    EXPECT_EXIT(
        {
            report_crashes(folder_, 3);
            const InFlight ended_before("stage 1 (train)", {"aaaa"});
            std::jthread([] { const InFlight ended("stage 2 (train)", {"bbbb"}); }).join();
            const InFlight other("stage 3 (train)", {"cccc", "dddd"});
            ::raise(SIGSEGV);
        },
        KilledBySignal(SIGSEGV), "");
    const auto reports = read_crash_reports(folder_);
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_EQ(reports[0].reason, "rank 3: SIGSEGV");
    EXPECT_THAT(reports[0].trials, UnorderedElementsAre("aaaa", "cccc", "dddd"));
    remove_crash_reports(folder_);
    EXPECT_THAT(read_crash_reports(folder_), IsEmpty());
}

TEST_F(CrashReports, OfAnInternalErrorHaveItsMessageWhichNamesRankStageAndTrial) {
    EXPECT_EXIT(
        {
            on_internal_error([] { ::_exit(75); });
            report_crashes(folder_, 1);
            const InFlight here("stage 7 (train on ranks 0,1)", {"3f2a"});
            std::jthread([] {
                const InFlight other("stage 8 (train)", {"bbbb"});
                std::this_thread::sleep_for(std::chrono::seconds(60));
            }).detach();
            THAW_CHECK(false, "0 bytes for {}", 8);
        },
        ExitedWithCode(75),
        "internal error in rank 1, stage 7 .train on ranks 0,1., trial 3f2a: 0 bytes for 8 .false, .*in_flight_test");
    ASSERT_THAT(read_crash_reports(folder_), SizeIs(1));
    EXPECT_THAT(read_crash_reports(folder_)[0].reason, testing::StartsWith("rank 1: internal error: 0 bytes for 8"));
}

TEST_F(CrashReports, AreWithdrawnByAProcessThatGoesOn) {
    EXPECT_EXIT(
        {
            report_crashes(folder_, 0);
            write_crash_report("15.9 GB of 16 GB of memory were in use");
            withdraw_crash_report();
            write_crash_report("again");
            ::_exit(0);
        },
        ExitedWithCode(0), "");
    ASSERT_THAT(read_crash_reports(folder_), SizeIs(1));
    EXPECT_EQ(read_crash_reports(folder_)[0].reason, "rank 0: again");
    EXPECT_THAT(read_crash_reports(folder_)[0].trials, IsEmpty());
}

TEST(MemoryUse, IsTheTightestOfTheMachineAndItsControlGroups) {
    TemporaryFolder root;
    const auto write = [&](const std::string& path, const std::string& text) {
        fs::create_directories((root / path).parent_path());
        write_file(root / path, text);
    };
    EXPECT_EQ(memory_use(root.path()).limit, 0);
    EXPECT_FALSE(memory_use(root.path()).near_limit());
    write("proc/meminfo", "MemTotal: 16777216 kB\nMemFree: 100 kB\nMemAvailable: 4194304 kB\n");
    EXPECT_EQ(memory_use(root.path()).limit, std::int64_t{16} << 30);
    EXPECT_EQ(memory_use(root.path()).used, std::int64_t{12} << 30);
    EXPECT_FALSE(memory_use(root.path()).near_limit());
    write("proc/self/cgroup", "0::/slurm/job_1/step_0\n");
    write("sys/fs/cgroup/slurm/job_1/step_0/memory.max", "max\n");
    write("sys/fs/cgroup/slurm/job_1/step_0/memory.current", "900\n");
    EXPECT_EQ(memory_use(root.path()).limit, std::int64_t{16} << 30) << "no limit";
    const std::string job = "sys/fs/cgroup/slurm/job_1/";
    write(job + "memory.max", std::to_string(std::int64_t{2} << 30));
    write(job + "memory.current", std::to_string((std::int64_t{2} << 30) - (100 << 20)));
    write(job + "memory.stat", "anon 5\nactive_file 7\ninactive_file " + std::to_string(300 << 20) + "\n");
    EXPECT_EQ(memory_use(root.path()).limit, std::int64_t{2} << 30) << "of the group above";
    EXPECT_EQ(memory_use(root.path()).used, (std::int64_t{2} << 30) - (400 << 20)) << "cached files can go";
    EXPECT_FALSE(memory_use(root.path()).near_limit()) << "400 MiB of 2 GiB are free";
    write(job + "memory.stat", "inactive_file 0\n");
    EXPECT_TRUE(memory_use(root.path()).near_limit());
}

}  // namespace
}  // namespace thaw
