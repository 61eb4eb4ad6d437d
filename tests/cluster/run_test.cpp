// cluster/run.sh: what is started again, what is not, and what a Ctrl-C does.
#include <gmock/gmock.h>

#include <thread>

#include "tests/end_to_end/thaw_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

class RunScript : public testing::Test {
  protected:
    /// A program that appends its words to `starts` and then does what the test says.
    std::string program(const std::string& body) {
        const std::filesystem::path file = folder_ / "program";
        std::ofstream(file) << "#!/bin/bash\nprintf '%s\\n' \"$*\" >>'" << (folder_ / "starts").string() << "'\n"
                            << body;
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
        return file;
    }
    static Words command(const Words& arguments) {
        Words words = {THAW_SOURCE_DIR "/cluster/run.sh"};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return words;
    }
    Ended run(const Words& arguments) { return Process(folder_.path(), command(arguments)).wait(); }
    std::string starts() const { return text_of(folder_ / "starts"); }
    void wait_for_start() {
        for (int i = 0; i < 500 && starts().empty(); ++i) std::this_thread::sleep_for(10ms);
        std::this_thread::sleep_for(100ms);  // for its trap
    }

    TemporaryFolder folder_;
};

TEST_F(RunScript, LeavesItAtADecidedEnd) {
    for (int status = 0; status <= 2; ++status) {
        std::filesystem::remove(folder_ / "starts");
        EXPECT_EQ(run({program("exit " + std::to_string(status)), "run", "a b"}).exit_code, status);
        EXPECT_EQ(starts(), "run a b\n");
    }
    EXPECT_EQ(run({(folder_ / "nothing").string()}).exit_code, 127);
}

TEST_F(RunScript, StartsAgainWhatACrashHasEnded) {
    for (const char* end : {"kill -9 $$", "exit 75", "exit 205"}) {
        std::filesystem::remove(folder_ / "starts");
        const std::string file = program("[ $(wc -l <'" + (folder_ / "starts").string() + "') = 2 ] && exit 0\n" + end);
        const Ended ended = run({file});
        EXPECT_EQ(ended.exit_code, 0) << end;
        EXPECT_EQ(starts(), "\n\n") << end;
        EXPECT_THAT(ended.errors, HasSubstr("starting it again"));
    }
}

TEST_F(RunScript, GivesUpAfterItsNumberOfRestarts) {
    const Ended ended = run({"--restarts", "1", program("kill -9 $$")});
    EXPECT_EQ(ended.exit_code, 137);
    EXPECT_EQ(starts(), "\n\n");
    EXPECT_THAT(ended.errors, HasSubstr("1 restarts are used up"));
    EXPECT_EQ(run({"--restarts", "0", program("exit 75")}).exit_code, 75);
    EXPECT_EQ(starts(), "\n\n\n");
}

TEST_F(RunScript, CtrlCOnceLetsItEndAndDoesNotStartItAgain) {
    // The keys go to the whole foreground group: the program must not hear them twice.
    Process process(folder_.path(), command({program("trap 'echo $(date +%s) asked; sleep 0.3; exit 75' USR2\n"
                                                     "trap 'exit 9' INT TERM\nwhile :; do sleep 0.05; done")}));
    wait_for_start();
    process.send_to_group(SIGINT);
    const Ended ended = process.wait();
    EXPECT_EQ(ended.exit_code, 75);
    EXPECT_EQ(starts(), "\n");
    EXPECT_THAT(ended.output, HasSubstr("asked"));
}

TEST_F(RunScript, CtrlCTwiceEndsItNow) {
    Process process(folder_.path(), command({program("trap 'echo asked' USR2\nwhile :; do sleep 0.05; done")}));
    wait_for_start();
    process.send(SIGINT);
    std::this_thread::sleep_for(200ms);
    EXPECT_TRUE(process.running());
    process.send(SIGINT);
    EXPECT_EQ(process.wait().exit_code, 128 + SIGTERM);
    EXPECT_EQ(starts(), "\n");
}

TEST_F(RunScript, LeavesNoneOfACrashedWorldBehind) {
    const std::string pid = (folder_ / "pid").string();
    run({"--restarts", "0", program("sleep 60 &\necho $! >'" + pid + "'\nkill -9 $$")});
    const std::string stat = "/proc/" + std::to_string(std::stoi(text_of(pid))) + "/stat";
    const auto gone = [&] { return text_of(stat).empty() || text_of(stat).find(") Z") != std::string::npos; };
    for (int i = 0; i < 100 && !gone(); ++i) std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(gone());
}

TEST_F(RunScript, StartsMpirunWhereRanksAreAskedFor) {
    std::filesystem::create_directories(folder_ / "bin");
    std::filesystem::rename(program(""), folder_ / "bin/mpirun");
    const std::string path = (folder_ / "bin").string() + ":" + ::getenv("PATH");
    Words words = {"env", "PATH=" + path};
    for (const std::string& word : command({"-n", "4", "--hostfile", "my hosts", "thaw", "run", "sweep.yaml"}))
        words.push_back(word);
    EXPECT_EQ(Process(folder_.path(), words).wait().exit_code, 0);
    EXPECT_EQ(starts(), "-n 4 --bind-to none --hostfile my hosts thaw run sweep.yaml\n");
}

TEST_F(RunScript, TakesAnMpirunThatCannotStartForAFailedRestart) {
    std::filesystem::create_directories(folder_ / "bin");
    // It crashes, cannot start anything, can again, and then trials fail: that is the end.
    const std::string starts = (folder_ / "starts").string();
    std::filesystem::rename(
        program("case $(wc -l <'" + starts + "') in 1) exit 205;; 2) exit 1;; 3) exit 0;; esac\n" + "exit 1"),
        folder_ / "bin/mpirun");
    Words words = {"env", "PATH=" + (folder_ / "bin").string() + ":" + ::getenv("PATH")};
    for (const std::string& word : command({"-n", "2", "thaw"})) words.push_back(word);
    EXPECT_EQ(Process(folder_.path(), words).wait().exit_code, 1);
    const std::string mpirun = "-n 2 --bind-to none ";
    EXPECT_EQ(text_of(starts), mpirun + "thaw\n" + mpirun + "true\n" + mpirun + "true\n" + mpirun + "thaw\n");
}

TEST_F(RunScript, HelpsAndTellsMistakes) {
    const Ended help = run({"--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.output, AllOf(HasSubstr("Examples:"), HasSubstr("--restarts")));
    EXPECT_EQ(run({}).exit_code, 2);
    EXPECT_EQ(run({"--bogus"}).exit_code, 2);
    EXPECT_EQ(run({"-n"}).exit_code, 2);
    EXPECT_EQ(run({"--hostfile", "hosts", "thaw"}).exit_code, 2);
    EXPECT_EQ(run({"--restarts", "many", "thaw"}).exit_code, 2);
}

}  // namespace
}  // namespace thaw
