// Every way to get a sweep file wrong: broken/NAME.yaml gives exactly the message in broken/NAME.expected, where AXES
// stands for the names of all axes.
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <vector>

#include "common/util/atomic_file.hpp"
#include "coordinator/sweep/axes.hpp"
#include "tests/coordinator/sweep/sweep_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

const std::filesystem::path kBroken = std::filesystem::path(THAW_SOURCE_DIR) / "tests/coordinator/sweep/broken";

std::vector<std::string> broken_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kBroken))
        if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
    std::sort(names.begin(), names.end());
    return names;
}

/// What reading and expanding the text complains about; empty if it does not.
std::string complaint(const std::string& name, const std::string& text) {
    try {
        expand(parse_sweep({name, text}, kVocabulary), kFakeDepths);
    } catch (const UserError& error) {
        return error.what();
    }
    return "";
}

class BrokenSweep : public testing::TestWithParam<std::string> {};

TEST_P(BrokenSweep, IsReportedWhereItStands) {
    const std::string text = read_file(kBroken / (GetParam() + ".yaml"));
    std::string expected = read_file(kBroken / (GetParam() + ".expected"));
    if (const std::size_t at = expected.find("AXES"); at != std::string::npos)
        expected.replace(at, 4, fmt::format("{}", fmt::join(axis_names(), ", ")));
    EXPECT_EQ(complaint(GetParam() + ".yaml", text) + "\n", expected);
}

INSTANTIATE_TEST_SUITE_P(Files, BrokenSweep, testing::ValuesIn(broken_names()),
                         [](const auto& test) { return test.param; });

const std::string kGood = "data: {folder: photos}\nbackbone: mobilenet_v2\n";

TEST(HostileSweep, NestedAHundredThousandDeepIsRefused) {
    for (const char* opening : {"[", "{a: ", "- ", "? "}) {
        std::string text = kGood + "freeze: ";
        if (opening[0] == '-' || opening[0] == '?') text += "\n ";
        for (int i = 0; i < 100'000; ++i) text += opening;
        EXPECT_THAT(complaint("deep.yaml", text), testing::StartsWith("deep.yaml:")) << opening;
    }
}

TEST(HostileSweep, LargerThanFourMegabytesIsRefusedUnread) {
    TemporaryFolder folder;
    write_file(folder / "large.yaml", kGood + "#" + std::string(5 << 20, 'x'));
    try {
        read_sweep(folder / "large.yaml", kVocabulary);
        FAIL();
    } catch (const UserError& error) {
        EXPECT_THAT(error.what(), testing::EndsWith("large.yaml: is larger than 4194304 bytes; a sweep file is small"));
    }
}

TEST(HostileSweep, ThatIsNoFileIsRefused) {
    TemporaryFolder folder;
    EXPECT_THROW(read_sweep(folder.path(), kVocabulary), UserError);
    EXPECT_THROW(read_sweep(folder / "absent.yaml", kVocabulary), UserError);
}

TEST(HostileSweep, NeverPassesAnEscapeSequenceOnToTheTerminal) {
    EXPECT_THAT(complaint("escape.yaml", kGood + "# \x1b]0;title\x07\n"), testing::Not(testing::HasSubstr("\x1b")));
    EXPECT_THAT(complaint("escape.yaml", kGood + "name: \"\\e[31m\"\n"), testing::Not(testing::HasSubstr("\x1b")));
}

/// Whatever single byte is changed, dropped or doubled: a sweep or a UserError, never anything else.
TEST(HostileSweep, WithAnyByteDamagedIsReadOrRefused) {
    const std::string good = read_file(std::filesystem::path(THAW_SOURCE_DIR) / "sweeps/problem_one.yaml");
    const std::string bytes = std::string("\0\t\n\r \"'#%&*,-:>?@[]`{|}!~\x80\xff\xc3", 29) + "0a";
    for (std::size_t at = 0; at < good.size(); at += 3) {
        const char byte = bytes[at % bytes.size()];
        std::string changed = good, dropped = good, inserted = good;
        changed[at] = byte;
        dropped.erase(at, 1);
        inserted.insert(at, 1, byte);
        for (const std::string& text : {changed, dropped, inserted, good.substr(0, at)})
            EXPECT_NO_THROW(complaint("damaged.yaml", text)) << text;
    }
}

}  // namespace
}  // namespace thaw
