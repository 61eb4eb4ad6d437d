// What thaw knows of the machine that it runs on: its speeds, and the folder in its memory.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "common/trial/speeds.hpp"
#include "common/util/atomic_file.hpp"
#include "common/util/memory_folder.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

TEST(Speeds, AreFoundAgainByWhatWasMeasured) {
    Probe head;
    head.kind = Probe::Kind::head;
    head.head.widths = {256, 64};
    head.inputs = 1280;
    head.classes = 10;
    head.batch_size = 16;
    Probe wider = head;
    wider.head.widths = {257, 64};
    Speeds speeds;
    EXPECT_FALSE(speeds.find(head));
    speeds.put(head, {1e-4 / 3, 2e-5, 3e-3});
    const TemporaryFolder folder;
    speeds.write(folder / "speeds.json");
    const Speeds read = Speeds::read(folder / "speeds.json");
    ASSERT_TRUE(read.find(head));
    EXPECT_EQ(read.find(head)->seconds, 1e-4 / 3);
    EXPECT_EQ(read.find(head)->evaluation, 2e-5);
    EXPECT_EQ(read.find(head)->setup, 3e-3);
    EXPECT_FALSE(read.find(wider));
    EXPECT_FALSE(read.find(Probe{}));
}

TEST(Speeds, OfAFrozenPassAreKeptByItsPrecision) {
    Probe forward;
    forward.kind = Probe::Kind::forward;
    forward.backbone = "mobilenet_v2";
    forward.padding = "symmetric";
    forward.image_size = 64;
    forward.cut = 154;
    EXPECT_EQ(forward.key(), "forward mobilenet_v2 symmetric at 64 to 154") << "what is measured already is lost";
    forward.precision = Precision::bfloat16;
    EXPECT_EQ(forward.key(), "forward mobilenet_v2 symmetric at 64 to 154 (bf16)");
}

TEST(Speeds, AreNoneWhereTheFileIsAbsentOrDamaged) {
    const TemporaryFolder folder;
    EXPECT_EQ(Speeds::read(folder / "absent.json").size(), 0u);
    for (const char* text : {"", "{", "[1, 2]", R"({"disk": {"seconds": "fast"}})"}) {
        write_file(folder / "speeds.json", text);
        EXPECT_EQ(Speeds::read(folder / "speeds.json").size(), 0u) << text;
    }
}

TEST(Speeds, HaveAFileForEachNumberOfThreads) {
    ::unsetenv("THAW_SPEEDS");
    EXPECT_NE(speeds_file(1), speeds_file(2));
    EXPECT_EQ(speeds_file(2), speeds_file(2));
    ::setenv("THAW_SPEEDS", "/somewhere/else.json", 1);
    EXPECT_EQ(speeds_file(2), "/somewhere/else.json");
    ::unsetenv("THAW_SPEEDS");
}

TEST(MemoryFolder, GoesWithItsObject) {
    fs::path path;
    {
        const MemoryFolder folder;
        path = folder.path();
        ASSERT_TRUE(fs::is_directory(path));
        std::ofstream(path / "features.array") << "x";
    }
    EXPECT_FALSE(fs::exists(path));
}

TEST(MemoryFolder, TakesAwayWhatAKilledProcessHasLeftAndNothingElse) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const MemoryFolder folder;
        std::ofstream(folder.path() / "features.array") << "x";
        const std::string path = folder.path();
        if (::write(ready[1], path.c_str(), path.size()) < 0) ::_exit(1);
        ::pause();
    }
    char text[256] = {};
    ASSERT_GT(::read(ready[0], text, sizeof text - 1), 0);
    const fs::path theirs = text;
    { const MemoryFolder ours; }
    EXPECT_TRUE(fs::exists(theirs / "features.array")) << "its process lives";
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    { const MemoryFolder ours; }
    EXPECT_FALSE(fs::exists(theirs));
}

TEST(MemoryFolder, MayHoldHalfOfWhatIsFree) {
    EXPECT_GT(default_memory_budget(), 0);
    EXPECT_LE(default_memory_budget(), static_cast<std::int64_t>(fs::space("/dev/shm").available));
}

}  // namespace
}  // namespace thaw
