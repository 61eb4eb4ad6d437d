// Trials that differ only in their seeds: their means, as the store keeps them and as tables show them.
#include <gmock/gmock.h>

#include "results/query/query.hpp"
#include "results/store/store.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;
using testing::Not;

class SeedsTest : public testing::Test {
  protected:
    Trial trial(double learning_rate, int seed) {
        Trial made = synthetic_trials(1)[0];
        made.learning_rate = learning_rate;
        made.seed = static_cast<std::uint64_t>(seed);
        made.id = trial_id(made, "seeds");
        return made;
    }
    /// A sweep of one learning rate for each list of accuracies, one seed for each accuracy.
    void run(const std::vector<std::vector<double>>& accuracies) {
        std::vector<Trial> trials;
        std::vector<double> reached;
        for (std::size_t i = 0; i < accuracies.size(); ++i) {
            for (std::size_t seed = 0; seed < accuracies[i].size(); ++seed) {
                trials.push_back(trial(0.001 * (1 + static_cast<double>(i)), static_cast<int>(seed) + 1));
                reached.push_back(accuracies[i][seed]);
            }
        }
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (std::size_t i = 0; i < trials.size(); ++i) {
            store.start_trial(trials[i].id, 0);
            store.record_epoch(trials[i].id, {.epoch = 1,
                                              .train_loss = 0.5,
                                              .train_accuracy = 0.9,
                                              .validation_loss = 0.4,
                                              .validation_accuracy = reached[i],
                                              .seconds = 1});
            store.finish_trial(trials[i].id);
        }
        store.end_sweep(RunOutcome::ok);
    }
    Table ask(const std::string& sql) { return query_table(open_results(path), sql); }

    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db";
};

TEST_F(SeedsTest, AveragesAndDeviatesAsNumpyAndScipyDo) {
    // numpy.mean, numpy.std(ddof=1) and scipy.stats.tstd of these; the second is lost to a sum of squares.
    run({{0.91, 0.93, 0.925}, {0.9, 0.9 + 1e-9, 0.9 + 2e-9, 0.9 + 5e-9}, {1. / 3, 2. / 3}, {0.25}});
    const Table table = ask("SELECT mean_validation_accuracy, sd_validation_accuracy, seeds FROM configurations");
    const auto real = [&](std::size_t row, std::size_t column) { return std::get<double>(table.rows[row][column]); };
    ASSERT_EQ(table.rows.size(), 4U);
    EXPECT_NEAR(real(0, 0), 0.9216666666666667, 1e-15);
    EXPECT_NEAR(real(0, 1), 0.010408329997330672, 1e-15);
    EXPECT_NEAR(real(1, 0), 0.900000002, 1e-15);
    EXPECT_NEAR(real(1, 1), 2.160246889766673e-09, 1e-15);
    EXPECT_NEAR(real(2, 1), 0.23570226039551584, 1e-15);
    EXPECT_EQ(table.rows[3][1], Cell()) << "one value has no deviation";
    EXPECT_EQ(table.rows[1][2], Cell(std::int64_t{4}));
}

TEST_F(SeedsTest, RanksByTheMeanAndNamesTheBestTrial) {
    run({{0.99, 0.50}, {0.80, 0.78}, {0.90, 0.60}});
    const Table table = ask("SELECT rank, learning_rate, best_trial FROM configurations");
    ASSERT_EQ(table.rows.size(), 3U);
    EXPECT_EQ(table.rows[0][1], Cell(0.002));
    EXPECT_EQ(table.rows[1][1], Cell(0.003));
    EXPECT_EQ(table.rows[2][1], Cell(0.001));
    EXPECT_EQ(table.rows[0][2], Cell(trial(0.002, 1).id));
}

TEST_F(SeedsTest, ShowsPeopleMeansWhereThereAreSeveralSeeds) {
    run({{0.91, 0.93, 0.925}, {0.9}});
    const std::string text = run_query(path, {});
    EXPECT_THAT(text, HasSubstr("Means over seeds"));
    EXPECT_THAT(text, HasSubstr("   1          0.001      3  0.9217 ± 0.0104"));
    EXPECT_THAT(text, HasSubstr("   2          0.002      1  0.9000  "));
    EXPECT_THAT(text, Not(HasSubstr("seed 1")));
}

TEST_F(SeedsTest, AveragesFoldsAsItDoesSeeds) {
    std::vector<Trial> trials;
    for (const int folds : {2, 3})
        for (int fold = 1; fold <= folds; ++fold) {
            Trial& one = trials.emplace_back(trial(0.001, 1));
            one.folds = folds;
            one.fold = fold;
            one.id = trial_id(one, "folds");
        }
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& one : trials) {
            store.record_epoch(one.id, {.epoch = 1, .validation_accuracy = 0.25 * one.fold, .seconds = 1});
            store.finish_trial(one.id);
        }
    }
    const Table table = ask("SELECT seeds, mean_validation_accuracy FROM configurations");
    EXPECT_EQ(table.rows, (std::vector<std::vector<Cell>>{{std::int64_t{3}, 0.5}, {std::int64_t{2}, 0.375}}));
    EXPECT_THAT(run_query(path, {}), HasSubstr("3  0.5000 ± 0.2500"));
}

TEST_F(SeedsTest, ShowsSingleTrialsWhereEveryConfigurationHasOneSeed) {
    run({{0.91}, {0.9}});
    EXPECT_THAT(run_query(path, {}), Not(HasSubstr("Means over seeds")));
}

TEST_F(SeedsTest, TakesTwoSpellingsOfOneDepthForOneConfiguration) {
    std::vector<Trial> trials = {trial(0.001, 1), trial(0.001, 2)};
    trials[1].freeze = "features.0";
    trials[0].id = "0000000000000001";
    trials[1].id = "0000000000000002";
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& one : trials) finish(store, one);
    }
    EXPECT_EQ(ask("SELECT seeds FROM configurations").rows.at(0).at(0), Cell(std::int64_t{2}));
}

TEST_F(SeedsTest, KeepsConfigurationsOnOtherDataApart) {
    run({{0.91, 0.93}});
    SweepRecord other = synthetic_sweep();
    other.data_fingerprint = "f2";
    Trial one = trial(0.001, 1);
    one.id = "0000000000000003";
    {
        Store store(path);
        store.begin_sweep(other, {one});
        finish(store, one);
    }
    const Table table = ask("SELECT seeds, best_trial FROM configurations");
    ASSERT_EQ(table.rows.size(), 1U);
    EXPECT_EQ(table.rows[0], (std::vector<Cell>{std::int64_t{1}, one.id}));
}

}  // namespace
}  // namespace thaw
