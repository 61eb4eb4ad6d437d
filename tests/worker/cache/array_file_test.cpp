// Arrays on disk: whole, checked, or not there.
#include "worker/cache/array_file.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

void write_example(const std::filesystem::path& path) {
    ArrayFileWriter writer(path, 3, 5, 4);
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 5; ++j) static_cast<float*>(writer.row(i))[j] = static_cast<float>(10 * i + j);
    writer.commit();
}

TEST(ArrayFile, ReadsBackWhatThreadsWrote) {
    TemporaryFolder folder;
    {
        ArrayFileWriter writer(folder / "a", 4, 1000, 1);
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&writer, i] { std::fill_n(static_cast<std::uint8_t*>(writer.row(i)), 1000, i + 1); });
        threads.clear();
        writer.commit();
    }
    const ArrayFile file(folder / "a");
    EXPECT_EQ(file.rows(), 4);
    EXPECT_EQ(file.row_elements(), 1000);
    EXPECT_EQ(file.bytes()[2999], 3);
    EXPECT_EQ(file.bytes()[3000], 0) << "rows start as zeros";
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.bytes()) % 64, 0u);
    EXPECT_TRUE(file.verify());
}

TEST(ArrayFile, LeavesNothingWithoutACommit) {
    TemporaryFolder folder;
    { ArrayFileWriter writer(folder / "a", 3, 5, 4); }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ArrayFile, OpensOnlyWhole) {
    TemporaryFolder folder;
    EXPECT_THROW(ArrayFile(folder / "a"), StageError);
    write_example(folder / "a");
    const std::string whole = read_file(folder / "a");
    for (std::size_t size : {0ul, 10ul, 63ul, 64ul, whole.size() - 1}) {
        write_file(folder / "a", whole.substr(0, size));
        EXPECT_THROW(ArrayFile(folder / "a"), StageError) << size;
    }
    write_file(folder / "a", whole + "x");
    EXPECT_THROW(ArrayFile(folder / "a"), StageError);
    write_file(folder / "a", "SOMETHNG" + whole.substr(8));
    EXPECT_THROW(ArrayFile(folder / "a"), StageError);
}

TEST(ArrayFile, VerifiesItsDataAndItsShape) {
    TemporaryFolder folder;
    write_example(folder / "a");
    const std::string whole = read_file(folder / "a");
    std::string flipped = whole;
    flipped.back() ^= 1;
    write_file(folder / "a", flipped);
    EXPECT_FALSE(ArrayFile(folder / "a").verify());
    std::string transposed = whole;
    std::swap(transposed[8], transposed[16]);
    write_file(folder / "a", transposed);
    EXPECT_FALSE(ArrayFile(folder / "a").verify());
}

TEST(ArrayFile, SaysHowMuchRoomIsMissingBeforeItWritesAnything) {
    TemporaryFolder folder;
    try {
        ArrayFileWriter writer(folder / "a", 1ll << 30, 1ll << 20, 4);
        FAIL() << "4 PB fitted on this disk";
    } catch (const StorageError& error) {
        EXPECT_THAT(error.what(),
                    testing::AllOf(testing::HasSubstr((folder / "a").string()),
                                   testing::HasSubstr("4503599627370560 bytes needed"), testing::HasSubstr("free")));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    EXPECT_THROW(ArrayFileWriter(folder / "absent/a", 1, 1, 1), StageError);
}

}  // namespace
}  // namespace thaw
