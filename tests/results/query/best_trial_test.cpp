// What those who go on with the best trial ask of the results.
#include "results/query/best_trial.hpp"

#include <gmock/gmock.h>

#include "common/util/error.hpp"
#include "results/store/store.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class BestTrialTest : public testing::Test {
  protected:
    void finish_with_accuracies(Store& store, std::initializer_list<double> accuracies, int result_epoch = 0) {
        int epoch = 0;
        store.start_trial(trials[0].id, 0);
        for (const double accuracy : accuracies) {
            EpochRecord record = synthetic_epoch(trials[0], ++epoch);
            record.validation_accuracy = accuracy;
            record.weights = fmt::format("weights {}", epoch);
            store.record_epoch(trials[0].id, record);
        }
        store.finish_trial(trials[0].id, result_epoch);
    }
    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db";
    std::vector<Trial> trials = synthetic_trials(2);
};

TEST_F(BestTrialTest, IsNothingUntilOneHasFinished) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    EXPECT_EQ(best_trial(open_results(path)), std::nullopt);
    EXPECT_THAT([&] { best_trial(path); }, ThrowsMessage<UserError>(HasSubstr("no trial has finished yet")));
    finish_with_accuracies(store, {0.5});
    EXPECT_EQ(best_trial(path), trials[0].id);
}

TEST_F(BestTrialTest, HasTheResultOfItsLastEpochOrOfTheOneThatWasRestored) {
    for (const int restored : {0, 1}) {
        std::filesystem::remove(path);
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        finish_with_accuracies(store, {0.7, 0.6}, restored);
        const TrialResult result = trial_result(open_results(path), trials[0].id);
        EXPECT_EQ(result.epoch, restored ? 1 : 2);
        EXPECT_EQ(result.weights, restored ? "weights 1" : "weights 2");
        EXPECT_FALSE(result.tested);
        store.record_test(trials[0].id, {0, 1});
        EXPECT_TRUE(trial_result(open_results(path), trials[0].id).tested);
    }
}

TEST_F(BestTrialTest, ItsTestImagesAreThoseOfTheLatestDataInOrder) {
    Store store(path);
    SweepRecord sweep = synthetic_sweep();
    store.begin_sweep(sweep, trials);
    EXPECT_THAT([&] { test_images(path); }, ThrowsMessage<UserError>(HasSubstr("has no test images")));
    sweep.data_fingerprint = "other";
    sweep.data_folder = "/photos";
    sweep.test = {{"test/b.jpg", 1}, {"test/a.jpg", 0}};
    store.begin_sweep(sweep, trials);
    const TestImages found = test_images(path);
    EXPECT_EQ(found.folder, "/photos");
    EXPECT_THAT(found.images, ElementsAre("/photos/test/b.jpg", "/photos/test/a.jpg"));
}

}  // namespace
}  // namespace thaw
