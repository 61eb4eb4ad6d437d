// Arrays that are used again, whole or row by row, and never where they are damaged.
#include "worker/cache/cached_array.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kElements = 5, kBudget = 1 << 20;

class CachedArrayTest : public testing::Test {
  protected:
    fs::path path_of(const RowFingerprints& rows, const std::string& content = "features-net-0123") const {
        return folder_ / ArrayName{content, rows_key(rows)}.file();
    }
    static ArrayShape shape_of(const RowFingerprints& rows) {
        return {static_cast<std::int64_t>(rows.size()), kElements, 4};
    }
    CachedArray array_of(const RowFingerprints& rows) const { return {path_of(rows), shape_of(rows), kBudget}; }

    /// An array in which every image's row holds a number of its own; rows of bad images stay zero.
    fs::path write(const RowFingerprints& rows, const std::vector<BadImage>& bad = {},
                   const std::string& content = "features-net-0123") {
        const CachedArray array(path_of(rows, content), shape_of(rows), kBudget);
        keep_rows(folder_.path(), rows_key(rows), rows);
        const auto writer = array.begin();
        for (std::size_t i = 0; i < rows.size(); ++i)
            if (bad.empty() || bad[0].index != static_cast<int>(i))
                std::fill_n(static_cast<float*>(writer->row(static_cast<std::int64_t>(i))), kElements, value(rows[i]));
        array.commit(*writer, bad);
        return path_of(rows, content);
    }
    static float value(const std::string& image) { return static_cast<float>(image[0]); }

    /// The rows that no donor gives; the others are checked.
    std::vector<std::int64_t> missing(const RowFingerprints& rows) {
        std::vector<std::int64_t> wanted(rows.size());
        std::iota(wanted.begin(), wanted.end(), 0);
        const CachedArray array = array_of(rows);
        const DonatedRows donated = array.donated(rows, wanted);
        const auto writer = array.begin();
        donated.copy_to(*writer);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const bool lacks = std::ranges::count(donated.missing(), static_cast<std::int64_t>(i)) > 0;
            for (int j = 0; j < kElements; ++j)
                EXPECT_EQ(static_cast<const float*>(writer->row(static_cast<std::int64_t>(i)))[j],
                          lacks ? 0 : value(rows[i]));
        }
        return donated.missing();
    }
    static void flip_byte(const fs::path& path, std::size_t place) {
        std::string bytes = read_file(path);
        bytes.at(place) ^= 4;
        write_file(path, bytes);
    }

    TemporaryFolder folder_;
};

TEST_F(CachedArrayTest, IsUsedAgainWithItsBadImages) {
    EXPECT_FALSE(array_of({"a", "b"}).reuse());
    write({"a", "b"}, {{1, "b: no image"}});
    EXPECT_EQ(array_of({"a", "b"}).reuse(), (std::vector<BadImage>{{1, "b: no image"}}));
}

TEST_F(CachedArrayTest, IsNeverUsedDamaged) {
    const RowFingerprints rows = {"a", "b", "c"};
    const fs::path path = write(rows), beside = bad_images_file(path);
    const std::string whole = read_file(path), list = read_file(beside);
    for (std::size_t place = 0; place < whole.size(); ++place) {
        if (place >= 40 && place < 64) continue;  // padding
        flip_byte(path, place);
        EXPECT_FALSE(array_of(rows).reuse()) << "byte " << place;
        write_file(path, whole);
    }
    for (const std::size_t size : {0ul, 10ul, 64ul, whole.size() - 1}) {
        write_file(path, whole.substr(0, size));
        EXPECT_FALSE(array_of(rows).reuse()) << size << " bytes";
    }
    write_file(path, whole);
    for (std::size_t place = 0; place < list.size(); ++place) {
        flip_byte(beside, place);
        EXPECT_FALSE(array_of(rows).reuse()) << "byte " << place << " of the list of bad images";
        write_file(beside, list);
    }
    fs::remove(beside);
    EXPECT_FALSE(array_of(rows).reuse());
    write_file(beside, list);
    EXPECT_TRUE(array_of(rows).reuse());
    EXPECT_FALSE(CachedArray(path, {3, 4, 4}, kBudget).reuse()) << "another shape";
}

TEST_F(CachedArrayTest, TakesRowsOfTheSameImagesFromOtherData) {
    write({"a", "b", "c", "d"});
    EXPECT_THAT(missing({"d", "x", "a", "c"}), ElementsAre(1));
    EXPECT_THAT(missing({"c", "b", "a"}), IsEmpty()) << "renamed and removed images";
    EXPECT_THAT(missing({"x", "y"}), ElementsAre(0, 1));
    EXPECT_THAT(missing({"a", "a"}), IsEmpty());
}

TEST_F(CachedArrayTest, TakesFromSeveralThoseWithTheMostFirst) {
    write({"a", "b"});
    write({"b", "c", "d"});
    write({"d", "e"});
    EXPECT_THAT(missing({"a", "b", "c", "d", "e", "f"}), ElementsAre(5));
}

TEST_F(CachedArrayTest, TakesNothingOfOtherContent) {
    write({"a", "b"}, {}, "features-net-4567");
    write({"a", "b"}, {}, "features-net");
    EXPECT_THAT(missing({"b", "a"}), ElementsAre(0, 1));
}

TEST_F(CachedArrayTest, TakesNoBadRows) {
    write({"a", "b", "c"}, {{1, "unreadable then"}});
    EXPECT_THAT(missing({"c", "b", "a"}), ElementsAre(1));
}

TEST_F(CachedArrayTest, TakesNothingFromADamagedDonor) {
    const RowFingerprints rows = {"a", "b", "c"};
    const fs::path path = write(rows);
    write({"c", "x"});
    const std::string whole = read_file(path);
    flip_byte(path, whole.size() - 1);
    EXPECT_THAT(missing({"c", "b", "a"}), ElementsAre(1, 2)) << "the other donor's row is taken";
    write_file(path, whole);
    const fs::path names = folder_ / ("rows-" + rows_key(rows));
    write_file(names, R"(["b","a","c"])");
    EXPECT_THAT(missing({"c", "b", "a"}), ElementsAre(1, 2)) << "what names its rows is wrong";
}

TEST_F(CachedArrayTest, DonatedRowsOutliveTheDonor) {
    const RowFingerprints rows = {"b", "a"};
    write({"a", "b"});
    const CachedArray array(path_of(rows), shape_of(rows), 120);  // room for one
    const DonatedRows donated = array.donated(rows, {0, 1});
    const auto writer = array.begin();
    EXPECT_FALSE(fs::exists(path_of({"a", "b"})));
    donated.copy_to(*writer);
    EXPECT_EQ(static_cast<const float*>(writer->row(0))[0], value("b"));
}

TEST(RowsKey, ChangesWithImagesAndTheirOrder) {
    EXPECT_EQ(rows_key({"a", "b"}), rows_key({"a", "b"}));
    EXPECT_NE(rows_key({"a", "b"}), rows_key({"b", "a"}));
    EXPECT_NE(rows_key({"a", "b"}), rows_key({"a"}));
}

}  // namespace
}  // namespace thaw
