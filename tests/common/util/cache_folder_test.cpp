// The cache's folder: what goes when room is needed, and what stays because somebody uses it.
#include "common/util/cache_folder.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "common/util/atomic_file.hpp"
#include "common/util/byte_size.hpp"
#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class CacheFolderTest : public testing::Test {
  protected:
    /// An array of so many bytes, used so many hours ago.
    fs::path add(const std::string& name, std::size_t bytes, int hours) {
        const fs::path path = folder_ / name;
        write_file(path, std::string(bytes, 'x'));
        age(path, hours);
        return path;
    }
    static void age(const fs::path& path, int hours) {
        fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(hours));
    }
    std::vector<std::string> arrays() const {
        std::vector<std::string> names;
        for (const CacheEntry& entry : CacheFolder(folder_.path()).entries())
            names.push_back(entry.file.filename().string());
        return names;
    }

    TemporaryFolder folder_;
};

TEST_F(CacheFolderTest, ThrowsOutTheLeastRecentlyUsedUntilThereIsRoom) {
    add("old-1.array", 1000, 3);
    add("older-1.array", 1000, 4);
    add("new-1.array", 1000, 1);
    const CacheFolder cache(folder_.path(), 3500);
    { const FileLock room = cache.make_room(500); }
    EXPECT_THAT(arrays(), ElementsAre("older-1.array", "old-1.array", "new-1.array")) << "there was room";
    { const FileLock room = cache.make_room(1400); }
    EXPECT_THAT(arrays(), ElementsAre("old-1.array", "new-1.array"));
    { const FileLock room = cache.make_room(3000); }
    EXPECT_THAT(arrays(), IsEmpty());
}

TEST_F(CacheFolderTest, UsingAnEntryMakesItTheLastToGo) {
    const fs::path old = add("old-1.array", 1000, 4);
    add("new-1.array", 1000, 1);
    const CacheFolder cache(folder_.path(), 2000);
    EXPECT_TRUE(cache.use(old));
    EXPECT_FALSE(cache.use(folder_ / "absent-1.array"));
    { const FileLock room = cache.make_room(1000); }
    EXPECT_THAT(arrays(), ElementsAre("old-1.array"));
}

TEST_F(CacheFolderTest, TakesTheFilesBesideAnEntryWithIt) {
    add("a-1.array", 1000, 4);
    add("a-1.array.bad.json", 10, 4);
    add("b-1.array", 1000, 3);
    add("rows-1", 10, 5);
    const CacheFolder cache(folder_.path(), 2000);
    { const FileLock room = cache.make_room(900); }
    EXPECT_FALSE(fs::exists(folder_ / "a-1.array.bad.json"));
    EXPECT_TRUE(fs::exists(folder_ / "rows-1")) << "another array has the same rows";
    { const FileLock room = cache.make_room(2000); }
    EXPECT_FALSE(fs::exists(folder_ / "rows-1"));
}

TEST_F(CacheFolderTest, KeepsWhatARunningSweepUsesAndRatherPassesTheBudget) {
    const fs::path used = add("used-1.array", 1000, 4), unused = add("unused-1.array", 1000, 3);
    const CacheFolder cache(folder_.path(), 1500);
    {
        const RunningSweep sweep = cache.begin_sweep();
        cache.use(used);
        const CacheFolder other(folder_.path(), 1500);  // as another process has it
        { const FileLock room = other.make_room(1000); }
        EXPECT_THAT(arrays(), ElementsAre("used-1.array"));
        EXPECT_EQ(other.clear(), 0);
        EXPECT_TRUE(cache.entries()[0].in_use);
    }
    EXPECT_FALSE(cache.entries()[0].in_use) << "the sweep has ended";
    EXPECT_EQ(cache.clear(), 1000);
}

TEST_F(CacheFolderTest, ProtectsForAsLongAsTheOldestSweepRuns) {
    const fs::path used = add("used-1.array", 1000, 4);
    const CacheFolder cache(folder_.path(), 1);
    const RunningSweep first = cache.begin_sweep();
    cache.use(used);
    { const RunningSweep second = cache.begin_sweep(); }
    { const FileLock room = cache.make_room(1000); }
    EXPECT_THAT(arrays(), ElementsAre("used-1.array"));
}

TEST_F(CacheFolderTest, ForgetsASweepThatWasKilled) {
    const fs::path used = add("used-1.array", 1000, 4);
    const CacheFolder cache(folder_.path(), 1);
    const pid_t child = ::fork();
    if (child == 0) {
        const RunningSweep sweep = cache.begin_sweep();
        cache.use(used);
        ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    { const FileLock room = cache.make_room(1000); }
    EXPECT_THAT(arrays(), IsEmpty());
}

TEST_F(CacheFolderTest, RemovesWhatKilledWritersLeftButNotWhatIsBeingWritten) {
    const CacheFolder cache(folder_.path(), 1000);
    const fs::path left = add(".a-1.array.77.0.tmp", 100, 5);
    const fs::path beside = add("a-1.array.bad.json", 10, 5);
    const RunningSweep first = cache.begin_sweep();
    EXPECT_FALSE(fs::exists(left));
    EXPECT_FALSE(fs::exists(beside));
    const fs::path written = add(".b-1.array.78.0.tmp", 100, 0);
    age(written, -1);  // surely not before the first sweep began
    const RunningSweep second = cache.begin_sweep();
    EXPECT_TRUE(fs::exists(written));
    EXPECT_GE(cache.held(), 100) << "and its bytes are taken";
}

TEST_F(CacheFolderTest, IsEmptyWhereThereIsNoFolder) {
    const CacheFolder cache(folder_ / "absent");
    EXPECT_THAT(cache.entries(), IsEmpty());
    EXPECT_EQ(cache.clear(), 0);
    EXPECT_GT(default_cache_budget(folder_ / "absent"), 0);
    EXPECT_LE(default_cache_budget(folder_ / "absent"), 50'000'000'000);
}

TEST_F(CacheFolderTest, SnapshotsAreListedByTrajectoryAndStayUntilTheyAreGivenBack) {
    const CacheFolder cache(folder_.path(), 2500);
    add("before-1.array", 100, 1);
    const RunningSweep sweep = cache.begin_sweep();
    for (const SnapshotName& name : {SnapshotName{"abc", 3}, {"abc", 9}, {"def", 1}})
        write_file(folder_ / name.file(), std::string(1000, 'x'));
    EXPECT_EQ(cache.snapshots(), (std::map<std::string, std::set<int>>{{"abc", {3, 9}}, {"def", {1}}}));
    cache.give_back(folder_ / SnapshotName{"abc", 9}.file());
    EXPECT_EQ(arrays().at(0), "before-1.array") << "what was used before goes first";
    { const FileLock room = cache.make_room(2400); }
    EXPECT_EQ(cache.snapshots(), (std::map<std::string, std::set<int>>{{"abc", {3}}, {"def", {1}}}));
    EXPECT_TRUE(cache.use(folder_ / SnapshotName{"abc", 3}.file()));
}

TEST(SnapshotName, IsOfWhichTrajectoryAfterWhichEpoch) {
    const SnapshotName name{"0123abcd", 12};
    EXPECT_EQ(name.file(), "snapshot-0123abcd-12.state");
    const auto parsed = SnapshotName::parse(name.file());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->trajectory, "0123abcd");
    EXPECT_EQ(parsed->epoch, 12);
    for (const char* other :
         {"snapshot-abc.state", "snapshot-abc-0.state", "snapshot-abc-x.state", "snapshot-abc-1.array",
          ".snapshot-abc-1.state.7.0.tmp", "snapshot--1.state", "snapshot-abc-1x.state"})
        EXPECT_FALSE(SnapshotName::parse(other)) << other;
}

TEST(ArrayName, IsWhatWasMadeAndOfWhichImages) {
    const ArrayName name{"features-mobilenet_v2-154-avg-0123", "abcd"};
    EXPECT_EQ(name.file(), "features-mobilenet_v2-154-avg-0123-abcd.array");
    const auto parsed = ArrayName::parse(name.file());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->content, name.content);
    EXPECT_EQ(parsed->images, name.images);
    for (const char* other : {"rows-abcd", ".a-b.array.7.0.tmp", "a-b.array.bad.json", "noarray", "-b.array"})
        EXPECT_FALSE(ArrayName::parse(other)) << other;
}

TEST(ByteSize, IsReadWithItsUnit) {
    EXPECT_EQ(parse_byte_size("20 GB"), 20'000'000'000);
    EXPECT_EQ(parse_byte_size("1.5kB"), 1500);
    EXPECT_EQ(parse_byte_size("2 MiB"), 2 << 20);
    EXPECT_EQ(parse_byte_size("700"), 700);
    for (const char* wrong : {"", "GB", "20 XB", "-1 GB", "0", "nan", "1e300 TB", "20 GB more"})
        EXPECT_THROW(parse_byte_size(wrong), UserError) << wrong;
    EXPECT_EQ(byte_size_text(20'000'000'000), "20.0 GB");
    EXPECT_EQ(byte_size_text(999'960), "1.0 MB");
    EXPECT_EQ(byte_size_text(12), "12 B");
}

}  // namespace
}  // namespace thaw
