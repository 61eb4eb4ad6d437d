// Which journal a database has on which file system, and how one changes into the other.
#include "results/store/journal.hpp"

#include <gmock/gmock.h>

#include "common/util/error.hpp"
#include "results/query/query.hpp"
#include "results/store/database.hpp"
#include "results/store/store.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;

TEST(Journal, IsRolledBackOnNetworkFileSystemsAndWrittenAheadOnLocalOnes) {
    // As statfs(2) and the Lustre, GPFS, BeeGFS and Ceph sources have them.
    for (const unsigned long network : {0x6969ul /* nfs */, 0xff534d42ul /* cifs */, 0xfe534d42ul /* smb2 */,
                                        0x0bd00bd0ul /* lustre */, 0x47504653ul /* gpfs */, 0x19830326ul /* beegfs */,
                                        0x65735546ul /* fuse */, 0x01021997ul /* 9p */, 0x00c36400ul /* ceph */})
        EXPECT_EQ(journal_for(network), Journal::rollback) << std::hex << network;
    for (const unsigned long local : {0xef53ul /* ext4 */, 0x58465342ul /* xfs */, 0x9123683eul /* btrfs */,
                                      0x01021994ul /* tmpfs */, 0x794c7630ul /* overlay */, 0x2fc12fc1ul /* zfs */})
        EXPECT_EQ(journal_for(local), Journal::write_ahead) << std::hex << local;
}

TEST(Journal, ChangesFromOneToTheOtherAndBackWithAllResults) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "results.db";
    const auto trials = synthetic_trials(6);
    int written = 0;
    for (const Journal journal : {Journal::write_ahead, Journal::rollback, Journal::write_ahead, Journal::rollback}) {
        {
            Store store(path, journal);
            store.begin_sweep(synthetic_sweep(), trials);
            EXPECT_EQ(store.finished(trials).size(), static_cast<std::size_t>(written));
            finish(store, trials[static_cast<std::size_t>(written++)]);
            EXPECT_THAT(run_query(path, {}), HasSubstr(std::to_string(written) + " finished")) << "while it is open";
            EXPECT_EQ(std::filesystem::exists(path.string() + "-wal"), journal == Journal::write_ahead);
        }
        Database database(path, Database::Mode::read);
        Statement mode = database.prepare("PRAGMA journal_mode");
        ASSERT_TRUE(mode.step());
        EXPECT_EQ(mode.text(0), journal == Journal::rollback ? "delete" : "wal");
        Statement verdict = database.prepare("PRAGMA integrity_check");
        ASSERT_TRUE(verdict.step());
        EXPECT_EQ(verdict.text(0), "ok");
    }
}

TEST(Journal, TakesOverALogThatAKilledWriterHasLeft) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "results.db", copy = folder / "copy.db";
    const auto trials = synthetic_trials(2);
    Store store(path, Journal::write_ahead);
    store.begin_sweep(synthetic_sweep(), trials);
    finish(store, trials[0]);
    // As a kill would leave it: the file with its log, without the shared memory.
    std::filesystem::copy_file(path, copy);
    std::filesystem::copy_file(path.string() + "-wal", copy.string() + "-wal");
    Store later(copy, Journal::rollback);
    EXPECT_EQ(later.finished(trials).size(), 1u);
    EXPECT_FALSE(std::filesystem::exists(copy.string() + "-wal"));
}

}  // namespace
}  // namespace thaw
