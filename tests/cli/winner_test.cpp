// What a sweep does for its winner, once all its trials are done.
#include "cli/winner.hpp"

#include "common/util/cache_folder.hpp"
#include "common/util/exit_code.hpp"
#include "results/query/best_trial.hpp"
#include "tests/cli/sweep_on_shapes.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAxes =
    "backbone: mobilenet_v2\nfreeze: all\nhead: [none, \"8\"]\nlearning_rate: 1e-2\nepochs: 2\n";

/// A sweep with a test folder whose trials are done, and whose winner has been forgotten.
class WinnerTest : public SweepOnShapes {
  protected:
    void SetUp() override {
        draw_shapes(folder / "shapes/train", 8, 32);
        draw_shapes(folder / "shapes/test", 2, 32);
        ASSERT_EQ(run(options(kAxes)), kDone);
        winner = best_trial(database());
        kept = text_of(checkpoint());
        tested = predictions();
        ASSERT_EQ(tested.size(), 6 * 4U) << "four hexadecimal digits an image: " << tested;
        fs::remove(checkpoint());
        Database(database(), Database::Mode::write).execute("DELETE FROM predictions WHERE part = 'test'");
        ASSERT_FALSE(trial_result(open_results(database()), winner).tested);
    }
    bool attend(bool stopped = false) {
        const std::atomic<bool> stop{stopped};
        const SweepOptions wanted = options(kAxes);
        PreparedSweep prepared;
        prepare(wanted, 1, true, prepared);
        Store store(database());
        const CacheFolder cache(wanted.cache_folder(), prepared.inputs.cache_budget);
        const RunningSweep running = cache.begin_sweep();
        return attend_to_winner(wanted, prepared, store, cache, stop);
    }
    fs::path checkpoint() const { return folder / "runs/test/checkpoints" / (winner + ".safetensors"); }
    std::string predictions() {
        std::string hex = query("SELECT hex(classes) FROM predictions WHERE part = 'test'");
        std::erase(hex, '\n');
        return hex;
    }

    std::string winner, kept, tested;
};

TEST_F(WinnerTest, IsKeptAndTestedAgainToTheSameBits) {
    EXPECT_TRUE(attend());
    EXPECT_TRUE(text_of(checkpoint()) == kept);
    EXPECT_EQ(predictions(), tested);
    EXPECT_TRUE(trial_result(open_results(database()), winner).tested);
}

TEST_F(WinnerTest, IsTrainedAgainWhereNothingOfItIsLeft) {
    fs::remove_all(folder / "runs/.cache");
    EXPECT_TRUE(attend());
    EXPECT_TRUE(text_of(checkpoint()) == kept);
    EXPECT_EQ(predictions(), tested);
}

TEST_F(WinnerTest, IsLeftAloneWhereNothingIsMissing) {
    ASSERT_TRUE(attend());
    const auto written = fs::last_write_time(checkpoint());
    EXPECT_TRUE(attend(true)) << "there is nothing to stop";
    EXPECT_EQ(fs::last_write_time(checkpoint()), written);
}

TEST_F(WinnerTest, IsNotKeptWhereTheRunIsToStop) {
    EXPECT_FALSE(attend(true));
    EXPECT_FALSE(fs::exists(checkpoint()));
    EXPECT_EQ(predictions(), "");
}

}  // namespace
}  // namespace thaw
