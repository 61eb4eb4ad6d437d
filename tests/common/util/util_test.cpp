// Fingerprints, atomic files, nearest spellings.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <system_error>
#include <thread>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "common/util/nearest.hpp"
#include "common/util/text.hpp"
#include "common/util/unicode.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

TEST(Fingerprint, DependsOnWhereOnePieceEndsAndTheNextBegins) {
    EXPECT_NE(Fingerprint().add("ab").add("c").hex(), Fingerprint().add("a").add("bc").hex());
    EXPECT_EQ(Fingerprint().add("ab").add("c").hex(), Fingerprint().add("ab").add("c").hex());
}

TEST(Fingerprint, OfAFileIsThatOfItsContentNotItsName) {
    TemporaryFolder folder;
    write_file(folder / "a", "same");
    write_file(folder / "b", "same");
    write_file(folder / "c", "other");
    EXPECT_EQ(fingerprint_file(folder / "a"), fingerprint_file(folder / "b"));
    EXPECT_NE(fingerprint_file(folder / "a"), fingerprint_file(folder / "c"));
    EXPECT_THROW(fingerprint_file(folder / "absent"), std::system_error);
}

TEST(Sha256, EqualsThePublishedTestVector) {
    TemporaryFolder folder;
    write_file(folder / "abc", "abc");
    EXPECT_EQ(sha256_file(folder / "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Unicode, NamesThatLookTheSameAreEqualOnceDecomposed) {
    const auto same = [](const char* a, const char* b) {
        return canonical_decomposition(a) == canonical_decomposition(b);
    };
    EXPECT_TRUE(same("caf\u00E9", "cafe\u0301"));
    EXPECT_TRUE(same("\u1EC7", "e\u0302\u0323")) << "marks of different kinds, in either order";
    EXPECT_TRUE(same("\uD55C\uAE00", "\u1112\u1161\u11AB\u1100\u1173\u11AF"));
    EXPECT_TRUE(same("\u212B", "\u00C5"));
    EXPECT_FALSE(same("cafe", "caf\u00E9"));
    EXPECT_FALSE(same("a\u0301\u0302", "a\u0302\u0301")) << "marks of one kind stay in order";
    EXPECT_EQ(canonical_decomposition("plain 123"), "plain 123");
}

TEST(Text, OfALineHasNoEndInIt) {
    EXPECT_EQ(escape_line("a\nb\rc\\d e"), "a\\nb\\rc\\\\d e");
}

TEST(AtomicFile, LeavesTheOldContentAndNoLitterWithoutACommit) {
    TemporaryFolder folder;
    write_file(folder / "file", "old");
    {
        AtomicFile file(folder / "file");
        file.write("new, but never committed");
    }
    EXPECT_EQ(read_file(folder / "file"), "old");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(AtomicFile, LeavesALinkALinkAndReplacesWhatItLeadsTo) {
    TemporaryFolder folder;
    std::filesystem::create_directories(folder / "disk");
    std::filesystem::create_symlink("disk/file", folder / "direct");
    std::filesystem::create_symlink("direct", folder / "twice");
    for (const char* text : {"new", "newer"}) {  // what the link leads to is not there at first
        write_file(folder / "twice", text);
        EXPECT_TRUE(std::filesystem::is_symlink(folder / "twice"));
        EXPECT_TRUE(std::filesystem::is_symlink(folder / "direct"));
        EXPECT_EQ(read_file(folder / "disk/file"), text);
    }
    std::filesystem::create_symlink("loop", folder / "loop");
    EXPECT_THROW(write_file(folder / "loop", "x"), std::system_error);
}

TEST(AtomicFile, WritesIntoADeviceOrAFifoInsteadOfReplacingIt) {
    TemporaryFolder folder;
    const std::filesystem::path fifo = folder / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    std::string received;
    std::thread reader([&] { received = read_file(fifo); });
    write_file(fifo, "through");
    reader.join();
    EXPECT_EQ(received, "through");
    EXPECT_TRUE(std::filesystem::is_fifo(fifo));
    std::filesystem::create_symlink("/dev/full", folder / "full");
    EXPECT_THROW(write_file(folder / "full", "x"), std::system_error);
    EXPECT_TRUE(std::filesystem::is_character_file(folder / "full"));
}

TEST(AtomicFile, LeftByAKilledWriterIsRemovedAndNothingElse) {
    TemporaryFolder folder;
    write_file(folder / "whole", "");
    write_file(folder / ".hidden", "");
    {
        // A child that dies in the middle of writing.
        const pid_t child = ::fork();
        if (child == 0) {
            AtomicFile file(folder / "half");
            ::raise(SIGKILL);
        }
        ::waitpid(child, nullptr, 0);
    }
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 3);
    remove_unfinished_files(folder.path());
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
    EXPECT_TRUE(std::filesystem::exists(folder / ".hidden"));
}

TEST(AtomicFile, WritesItsHeaderLast) {
    TemporaryFolder folder;
    AtomicFile file(folder / "file");
    file.write("????body");
    file.write_at(0, "head", 4);
    EXPECT_FALSE(std::filesystem::exists(folder / "file"));
    file.commit();
    EXPECT_EQ(read_file(folder / "file"), "headbody");
}

TEST(Nearest, FindsTheTypoAndStaysSilentAboutStrangers) {
    EXPECT_EQ(nearest("learning_rat", {"learning_rate", "batch_size"}), "learning_rate");
    EXPECT_EQ(nearest("MobileNet_V2", {"mobilenet_v2", "mobilenet_v1"}), "mobilenet_v2");
    EXPECT_EQ(nearest("rotation", {"cval", "rotation_range"}), "rotation_range");
    EXPECT_EQ(nearest("zebra", {"learning_rate", "batch_size"}), "");
    EXPECT_EQ(instead_of("ab", {"abc", "x"}, "thaw list"), " (did you mean 'abc'?); there are: abc, x");
    std::vector<std::string> many;
    for (char letter = 'a'; letter < 'z'; ++letter) many.push_back(std::string("name_") + letter + letter);
    EXPECT_EQ(
        instead_of("name_cd", many, "thaw list"),
        " (did you mean 'name_cc'?); the nearest are: name_cc, name_dd, name_aa, name_bb, name_ee; `thaw list` lists "
        "all 25");
    EXPECT_EQ(
        instead_of("zebra fish", many, "thaw list"),
        "; the nearest are: name_hh, name_ss, name_aa, name_bb, name_cc, name_dd, name_ee, name_ff, name_gg, name_ii; "
        "`thaw list` lists all 25");
}

}  // namespace
}  // namespace thaw
