// `thaw run --live`: what TensorBoard can read while a sweep runs, and what it finds afterwards.
#include "results/export/live_events.hpp"

#include <gmock/gmock.h>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "results/export/export_tensorboard.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

class LiveEventsTest : public testing::Test {
  protected:
    TemporaryFolder folder;
    std::vector<Trial> trials = synthetic_trials(1);
    EpochRecord epoch(int number) const { return synthetic_epoch(trials[0], number); }
    std::filesystem::path events() const { return folder / "live" / trials[0].id; }
};

TEST_F(LiveEventsTest, AppendsEveryEpochOnce) {
    LiveEvents live(folder / "live");
    for (const int number : {1, 2, 2, 1, 3}) live.epoch_done(trials[0].id, epoch(number));
    std::size_t bytes = tensorboard_start(0).size();
    for (const int number : {1, 2, 3}) bytes += tensorboard_epoch(0, epoch(number)).size();
    EXPECT_EQ(std::filesystem::file_size(events() / "events.out.tfevents.live"), bytes);
}

TEST_F(LiveEventsTest, BeginsAnewInTheNextInvocation) {
    for (int invocation = 0; invocation < 2; ++invocation)
        LiveEvents(folder / "live").epoch_done(trials[0].id, epoch(1));
    EXPECT_EQ(std::filesystem::file_size(events() / "events.out.tfevents.live"),
              tensorboard_start(0).size() + tensorboard_epoch(0, epoch(1)).size());
}

TEST_F(LiveEventsTest, LeavesInTheEndWhatTheExportWrites) {
    const std::filesystem::path database = folder / "results.db";
    {
        Store store(database);
        store.begin_sweep(synthetic_sweep(), trials);
        finish(store, trials[0], 2);
    }
    LiveEvents live(folder / "live");
    for (const int number : {1, 2}) live.epoch_done(trials[0].id, epoch(number));
    live.finish(database);
    export_tensorboard(open_results(database), folder / "exported");
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "live")) {
        if (!entry.is_regular_file()) continue;
        ++files;
        EXPECT_EQ(read_file(entry.path()),
                  read_file(folder / "exported" / std::filesystem::relative(entry.path(), folder / "live")));
    }
    EXPECT_EQ(files, 2);
}

TEST_F(LiveEventsTest, SaysWhereItCannotWrite) {
    write_file(folder / "file", "in the way");
    EXPECT_THAT([&] { LiveEvents live(folder / "file"); },
                testing::ThrowsMessage<UserError>(testing::HasSubstr("choose another one with --live")));
}

}  // namespace
}  // namespace thaw
