// The questions that `thaw query` has options for: conditions, groups, pivots, curves, differences, failures, and
// trials named by the first digits of their ids.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "common/util/error.hpp"
#include "results/query/finished_trials.hpp"
#include "results/query/query.hpp"
#include "results/query/trial_name.hpp"
#include "results/store/store.hpp"
#include "tests/results/report/report_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::ThrowsMessage;

class QuestionTest : public testing::Test {
  protected:
    QuestionTest() {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (std::size_t i = 0; i < 64; ++i) finish(store, trials[i], 3);
        for (std::size_t i = 64; i < 67; ++i) {
            store.start_trial(trials[i].id, 0);
            store.fail_trial(trials[i].id,
                             i == 66 ? "out of memory" : "loss is NaN after epoch 2, batch 17 of the train set");
        }
    }
    json ask(QueryOptions options) {
        options.format = TableFormat::json;
        return json::parse(run_query(path, options));
    }
    json sql(const std::string& query) { return ask({.query = query}); }
    std::function<void()> asking(QueryOptions options) {
        return [this, options] { run_query(path, options); };
    }
    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db";
    std::vector<Trial> trials = synthetic_trials(68);  // two seeds and a little of a third
};

TEST_F(QuestionTest, ConditionsKeepTheRanksOfTheWholeLeaderboard) {
    for (const char* condition :
         {"seed = 2 AND backbone = 'resnet50'", "validation_accuracy < 0.76", "rank > 60 AND seed < 3",
          "trial IN (SELECT trial FROM leaderboard WHERE rank % 7 = 0)"}) {
        const json answer = ask({.where = condition});
        EXPECT_GT(answer.size(), 0U) << condition;
        EXPECT_EQ(answer, sql(std::string("SELECT * FROM leaderboard WHERE ") + condition + " LIMIT 20")) << condition;
    }
}

TEST_F(QuestionTest, AreSortedBeforeTheyAreCutAndShowTheColumnsThatAreAskedFor) {
    const auto first = [](const json& rows, const char* column) { return rows.at(0).at(column); };
    const json slowest = ask({.top = 3, .sort = "accuracy", .columns = {"backbone", "lr", " Accuracy"}});
    EXPECT_EQ(slowest.size(), 3U);
    EXPECT_EQ(slowest[0].size(), 3U);
    EXPECT_EQ(first(slowest, "mean_validation_accuracy"),
              sql("SELECT min(mean_validation_accuracy) AS least FROM configurations")[0]["least"]);
    EXPECT_EQ(first(ask({.sort = "learning_rate", .reverse = true}), "learning_rate"),
              sql("SELECT max(learning_rate) AS most FROM configurations")[0]["most"]);
    EXPECT_EQ(first(ask({.query = "leaderboard", .top = 1, .sort = "validation loss"}), "validation_loss"),
              sql("SELECT min(validation_loss) AS least FROM leaderboard")[0]["least"]);
    EXPECT_THAT(run_query(path, {.columns = {"freeze", "best accuracy"}}),
                StartsWith("freeze  mean_best_validation_accuracy\n"));
    const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
    EXPECT_EQ(lines(run_query(path, {.top = 5, .sort = "seconds"})), lines(run_query(path, {.top = 5})));
    EXPECT_THAT(asking({.sort = "lerning_rate"}), ThrowsMessage<UserError>(HasSubstr("did you mean 'learning rate'")));
    EXPECT_THAT(asking({.query = "leaderboard", .columns = {"backbne"}}),
                ThrowsMessage<UserError>(AllOf(HasSubstr("no column 'backbne' to show"), HasSubstr("'backbone'"))));
}

TEST_F(QuestionTest, ShowAllRowsWhereNoneIsTheLimit) {
    const std::size_t all = sql("configurations").size();
    ASSERT_GT(all, 20U);
    EXPECT_EQ(ask({}).size(), 20U);
    EXPECT_EQ(ask({.top = 0}).size(), all);
    EXPECT_EQ(ask({.query = "configurations", .top = 0}).size(), all);
}

TEST_F(QuestionTest, TakeHeadingsForColumns) {
    const json expected = ask({.group_by = {"backbone", "learning_rate"}});
    EXPECT_EQ(ask({.group_by = {"backbone", " learning rate"}}), expected);
    EXPECT_EQ(ask({.group_by = {"Backbone ", "lr"}}), expected);
    EXPECT_EQ(ask({.pivot = {"learning rate", " backbone"}}), ask({.pivot = {"learning_rate", "backbone"}}));
    EXPECT_EQ(ask({.sort = "backbone", .columns = {"backbone"}, .group_by = {"backbone"}}),
              json::parse(R"([{"backbone": "mobilenet_v2"}, {"backbone": "resnet50"}])"));
}

TEST_F(QuestionTest, RanksStayRightWhereAccuraciesTieAndLossesAreMissing) {
    const std::filesystem::path tied = folder / "tied.db";
    const std::vector<Trial> all = synthetic_trials(24);
    {
        Store store(tied);
        store.begin_sweep(synthetic_sweep(), all);
        for (std::size_t i = 0; i < all.size(); ++i) {
            EpochRecord epoch = synthetic_epoch(all[i], 1);
            epoch.validation_accuracy = i % 5 == 4 ? std::nan("") : 0.1 * static_cast<double>(i % 5);
            epoch.validation_loss = i % 3 == 0 ? std::nan("") : 0.5 * static_cast<double>(i % 2);
            store.start_trial(all[i].id, 0);
            store.record_epoch(all[i].id, epoch);
            store.finish_trial(all[i].id);
        }
    }
    const auto read = [&](QueryOptions options) {
        options.format = TableFormat::json;
        return json::parse(run_query(tied, options));
    };
    EXPECT_EQ(read({.where = "validation_accuracy IS NULL OR freeze <> 'none'", .top = 100}),
              read({.query = "SELECT * FROM leaderboard WHERE validation_accuracy IS NULL OR freeze <> 'none'"}));
}

TEST_F(QuestionTest, ConditionsOnConfigurationsFilterMeans) {
    const json answer = ask({.where = "backbone = 'resnet50' AND mean_validation_accuracy > 0.5"});
    EXPECT_EQ(answer, sql("SELECT * FROM configurations WHERE backbone = 'resnet50'"));
    EXPECT_THAT(run_query(path, {.where = "backbone = 'resnet50'"}),
                AllOf(HasSubstr("Means over seeds"), Not(HasSubstr("\n   1  mobilenet"))));
    EXPECT_THAT(run_query(path, {.where = "backbone = 'vgg16'"}), HasSubstr("None meets the condition."));
}

TEST_F(QuestionTest, AConditionIsOneExpressionAndItsMistakesAreExplained) {
    for (const char* wrong : {"1) UNION SELECT * FROM trials WHERE (1", "1; DROP TABLE trials", "1 -- all", "1 /* all",
                              "backbone = 'resnet50", "(seed = 1"})
        EXPECT_THAT(asking({.where = wrong}), ThrowsMessage<UserError>(HasSubstr("--where"))) << wrong;
    EXPECT_THAT(
        asking({.where = "dropuot < 0.5"}),
        ThrowsMessage<UserError>(AllOf(HasSubstr("no such column: dropuot"), HasSubstr("did you mean 'dropout'"))));
    EXPECT_THAT(asking({.where = "backbone ="}), ThrowsMessage<UserError>(HasSubstr("syntax error")));
    EXPECT_NO_THROW(run_query(path, {.where = "backbone <> 'it''s (one; -- two'"}));
}

TEST_F(QuestionTest, GroupsGiveWhatSqlGives) {
    const json groups = ask({.group_by = {"backbone", "freeze"}});
    ASSERT_EQ(groups.size(), 8U);
    for (const json& group : groups) {
        const std::string where = " WHERE backbone = '" + group["backbone"].get<std::string>() + "' AND freeze = '" +
                                  group["freeze"].get<std::string>() + "'";
        const json expected =
            sql("SELECT count(*) AS n, avg(validation_accuracy) AS mean, max(validation_accuracy) AS"
                " best FROM leaderboard" +
                where)[0];
        EXPECT_EQ(group["trials"], expected["n"]);
        EXPECT_NEAR(group["mean_validation_accuracy"].get<double>(), expected["mean"].get<double>(), 1e-14);
        EXPECT_EQ(group["max_validation_accuracy"], expected["best"]);
        EXPECT_EQ(group["best_trial"], sql("SELECT trial FROM leaderboard" + where + " LIMIT 1")[0]["trial"]);
    }
    for (std::size_t i = 1; i < groups.size(); ++i)
        EXPECT_GE(groups[i - 1]["mean_validation_accuracy"], groups[i]["mean_validation_accuracy"]);
    EXPECT_EQ(ask({.top = 3, .group_by = {"backbone", "freeze"}}).size(), 3U);
    EXPECT_EQ(ask({.where = "freeze = 'all'", .group_by = {"freeze"}}).size(), 1U);
    EXPECT_THAT(asking({.group_by = {"backbon"}}), ThrowsMessage<UserError>(HasSubstr("did you mean 'backbone'")));
}

TEST_F(QuestionTest, DeviationsOfGroupsAreNumpys) {
    // numpy.std([.5, .25, .75, .9], ddof=1)
    const std::vector<double> values = {.5, .25, std::nan(""), .75, .9};
    const Summary summary = summary_of(values);
    EXPECT_EQ(summary.count, 4);
    EXPECT_NEAR(summary.mean, 0.6, 1e-15);
    EXPECT_NEAR(summary.sd, 0.2857738033247042, 1e-15);
    EXPECT_TRUE(std::isnan(summary_of(std::vector<double>{1}).sd));
    EXPECT_TRUE(std::isnan(summary_of({}).mean));
}

TEST_F(QuestionTest, APivotHasOneColumnsValuesDownwardsAndTheOthersAcross) {
    const json pivot = ask({.pivot = {"freeze", "backbone"}});
    ASSERT_EQ(pivot.size(), 4U);
    EXPECT_EQ(pivot[0]["freeze"], "none") << "by depth, not by name";
    EXPECT_EQ(pivot[3]["freeze"], "all");
    const json mean =
        sql("SELECT avg(validation_accuracy) AS mean, count(*) AS n FROM leaderboard WHERE freeze = '80%'"
            " AND backbone = 'resnet50'")[0];
    EXPECT_NEAR(pivot[2]["resnet50"].get<double>(), mean["mean"].get<double>(), 1e-14);
    EXPECT_EQ(pivot[2]["resnet50_n"], mean["n"]);
    const std::string latex = run_query(path, {.format = TableFormat::latex, .pivot = {"freeze", "backbone"}});
    EXPECT_THAT(
        latex,
        StartsWith("\\begin{tabular}{lll}\n\\toprule\nfreeze & mobilenet\\_v2 & resnet50 \\\\\n\\midrule\nnone & "));
    EXPECT_THAT(latex, AllOf(HasSubstr(" $\\pm$ "), HasSubstr("80\\% & ")));
    EXPECT_THAT(run_query(path, {.format = TableFormat::markdown, .pivot = {"freeze", "backbone"}}),
                StartsWith("| freeze | mobilenet\\_v2 | resnet50 |\n|---|---|---|\n| none | "));
    EXPECT_THAT(asking({.pivot = {"freeze"}}), ThrowsMessage<UserError>(HasSubstr("two columns")));
}

TEST_F(QuestionTest, APivotOfBestConfigurationsShowsTheirMeansOverSeeds) {
    const json pivot = ask({.pivot = {"freeze", "backbone"}, .cell = PivotCell::best});
    const json best =
        sql("SELECT mean_validation_accuracy AS mean, sd_validation_accuracy AS sd, seeds FROM"
            " configurations WHERE freeze = 'all' AND backbone = 'resnet50' LIMIT 1")[0];
    EXPECT_NEAR(pivot[3]["resnet50"].get<double>(), best["mean"].get<double>(), 1e-14);
    EXPECT_NEAR(pivot[3]["resnet50_sd"].get<double>(), best["sd"].get<double>(), 1e-14);
    EXPECT_EQ(pivot[3]["resnet50_n"], best["seeds"]);
}

TEST_F(QuestionTest, TrialsAreNamedByAnyUniqueBeginningOfTheirIds) {
    std::vector<Trial> named = synthetic_trials(3);
    named[0].id = "3f2a000000000001";
    named[1].id = "3f2b000000000002";
    named[2].id = "9c0d000000000003";
    const std::filesystem::path other = folder / "named.db";
    {
        Store store(other);
        store.begin_sweep(synthetic_sweep(), named);
    }
    const Database database = open_results(other);
    EXPECT_EQ(find_trial(database, "9"), named[2].id);
    EXPECT_EQ(find_trial(database, "3f2b"), named[1].id);
    EXPECT_EQ(find_trial(database, named[0].id), named[0].id);
    EXPECT_THAT(
        [&] { find_trial(database, "3f"); },
        ThrowsMessage<UserError>(AllOf(HasSubstr("give more digits"), HasSubstr("3f2a000000000001  mobilenet_v2"),
                                       HasSubstr("3f2b000000000002  resnet50"))));
    EXPECT_THAT([&] { find_trial(database, "3f2c000000000002"); },
                ThrowsMessage<UserError>(HasSubstr("did you mean '3f2b000000000002'")));
    EXPECT_THAT([&] { find_trial(database, ""); }, ThrowsMessage<UserError>(HasSubstr("first digits")));
    EXPECT_THAT([&] { find_trial(database, "x"); },
                ThrowsMessage<UserError>(HasSubstr("no trial's id begins with 'x'")));
}

TEST_F(QuestionTest, ShowsATrialsCurvesAndHowTwoDiffer) {
    const json curve = ask({.curves = trials[3].id});
    ASSERT_EQ(curve.size(), 3U);
    EXPECT_EQ(curve[2]["epoch"], 3);
    EXPECT_EQ(curve[2]["validation_accuracy"], synthetic_epoch(trials[3], 3).validation_accuracy);
    const json diff = ask({.diff = {trials[0].id, trials[1].id}});
    EXPECT_EQ(diff["differences"][0]["what"], "backbone");
    EXPECT_EQ(diff["differences"][0][trials[1].id], "resnet50");
    ASSERT_EQ(diff["curves"].size(), 3U);
    EXPECT_EQ(diff["curves"][1]["epoch"], 2);
    EXPECT_THAT(run_query(path, {.diff = {trials[0].id, trials[0].id}}), StartsWith("They do not differ."));
    EXPECT_THAT(run_query(path, {.format = TableFormat::csv, .diff = {trials[0].id, trials[1].id}}),
                AllOf(StartsWith("what,"), HasSubstr("\n\nepoch,")));
}

TEST_F(QuestionTest, CurvesHaveForPeopleWhatThereIsAndForMachinesAll) {
    const std::filesystem::path other = folder / "curves.db";
    {
        Store store(other);
        store.begin_sweep(synthetic_sweep(), {trials[0], trials[1]});
        for (int number = 1; number <= 2; ++number) {
            EpochRecord epoch = synthetic_epoch(trials[0], number);
            epoch.learning_rate = 0.001 / number;
            epoch.validation_auc = 0.5 + 0.125 * number;
            store.record_epoch(trials[0].id, epoch);
            epoch.learning_rate = 0.001;
            epoch.validation_auc.reset();
            store.record_epoch(trials[1].id, epoch);
        }
    }
    EXPECT_THAT(run_query(other, {.curves = trials[0].id}),
                AllOf(HasSubstr("learning_rate  validation_auc\n"), HasSubstr("0.0005          0.7500\n")));
    EXPECT_THAT(run_query(other, {.curves = trials[1].id}), Not(HasSubstr("learning_rate  ")));
    const json rows = json::parse(run_query(other, {.format = TableFormat::json, .curves = trials[1].id}));
    EXPECT_EQ(rows[0]["learning_rate"], 0.001);
    EXPECT_TRUE(rows[0]["validation_auc"].is_null());
    EXPECT_TRUE(rows[0]["validation_top5_accuracy"].is_null());
}

TEST_F(QuestionTest, ShowsPrecisionAndRecallOfEachClass) {
    const std::filesystem::path other = folder / "classes.db";
    const SweepRecord sweep = shape_sweep("/nowhere", 4);
    {
        Store store(other);
        store.begin_sweep(sweep, {trials[0], trials[1]});
        EpochRecord epoch = synthetic_epoch(trials[0], 1);
        epoch.predicted = predictions_of(sweep.validation, 3);  // three of four squares are taken for circles
        store.record_epoch(trials[0].id, epoch);
        store.finish_trial(trials[0].id);
    }
    EXPECT_THAT(run_query(other, {.classes = trials[0].id}),
                AllOf(HasSubstr("validation images:"), Not(HasSubstr("test images:")),
                      HasSubstr("circle              4          7     0.5714  1.0000  0.7273\n"),
                      HasSubstr("macro average      12         12     0.8571  0.7500  0.7091\n")));
    const json rows = json::parse(run_query(other, {.format = TableFormat::json, .classes = trials[0].id}));
    ASSERT_EQ(rows.size(), 4U);
    EXPECT_EQ(rows[1], json({{"part", "validation"},
                             {"class", "square"},
                             {"images", 4},
                             {"predicted", 1},
                             {"precision", 1.0},
                             {"recall", 0.25},
                             {"F1", 0.4}}));
    EXPECT_THAT([&] { run_query(other, {.classes = trials[1].id}); },
                ThrowsMessage<UserError>(HasSubstr("no predictions of trial " + trials[1].id)));
}

TEST_F(QuestionTest, TellsFailuresByTheirMessages) {
    const std::string text = run_query(path, {.failed = true});
    EXPECT_THAT(text, AllOf(HasSubstr("2 trials: loss is NaN after epoch 2, batch 17 of the train set\n"),
                            HasSubstr("1 trial: out of memory\n  " + trials[66].id + "  mobilenet_v2, freeze 50")));
    EXPECT_EQ(ask({.failed = true}).size(), 3U);
}

}  // namespace
}  // namespace thaw
