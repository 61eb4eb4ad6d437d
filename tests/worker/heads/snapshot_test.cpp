#include "worker/heads/snapshot.hpp"

#include <gtest/gtest.h>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

Snapshot after_two_epochs() {
    return {{{.epoch = 1, .train_loss = 1.0 / 3, .seconds = 0.25, .weights = "a"},
             {.epoch = 2, .train_loss = 0.1 + 0.2, .validation_accuracy = 2.0 / 3, .weights = "b"}},
            std::string("\0state\xff", 7),
            {std::string("best\0", 5), {2, -1, 0}}};
}

TEST(Snapshot, ReadsBackBitForBit) {
    const TemporaryFolder folder;
    const Snapshot written = after_two_epochs();
    const std::int64_t bytes = write_snapshot(folder / "s", written);
    EXPECT_EQ(bytes, static_cast<std::int64_t>(read_file(folder / "s").size()));
    const auto read = read_snapshot(folder / "s");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->epoch(), 2);
    EXPECT_EQ(read->state, written.state);
    EXPECT_EQ(read->best.state, written.best.state);
    EXPECT_EQ(read->best.predicted, written.best.predicted);
    ASSERT_EQ(read->history.size(), 2u);
    EXPECT_EQ(read->history[0].train_loss, 1.0 / 3);
    EXPECT_EQ(read->history[0].seconds, 0.25);
    EXPECT_EQ(read->history[1].train_loss, 0.1 + 0.2);
    EXPECT_EQ(read->history[1].validation_accuracy, 2.0 / 3);
    EXPECT_EQ(read->history[1].weights, "b");
}

TEST(Snapshot, IsNoneWhereAnyByteIsWrongOrAnyIsMissing) {
    const TemporaryFolder folder;
    write_snapshot(folder / "s", after_two_epochs());
    const std::string whole = read_file(folder / "s");
    EXPECT_FALSE(read_snapshot(folder / "absent"));
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        write_file(folder / "damaged", damaged);
        EXPECT_FALSE(read_snapshot(folder / "damaged")) << "byte " << at;
        write_file(folder / "cut", whole.substr(0, at));
        EXPECT_FALSE(read_snapshot(folder / "cut")) << at << " bytes";
    }
}

TEST(Snapshot, SaysWhereItCannotBeWritten) {
    EXPECT_THROW(write_snapshot("/nowhere/at/all/s", after_two_epochs()), StageError);
}

}  // namespace
}  // namespace thaw
