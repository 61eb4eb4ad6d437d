// The store's contract: what begin_sweep keeps, what a finished trial is protected from, what a crash leaves.
#include "results/store/store.hpp"

#include <gmock/gmock.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <limits>
#include <nlohmann/json.hpp>

#include "common/util/error.hpp"
#include "results/store/axes.hpp"
#include "results/store/database.hpp"
#include "results/store/predictions.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class StoreTest : public testing::Test {
  protected:
    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db";
    std::vector<Trial> trials = synthetic_trials(4);

    std::int64_t number(const std::string& sql) { return Database(path, Database::Mode::read).number(sql); }
    std::string text(const std::string& sql) {
        Database database(path, Database::Mode::read);
        Statement statement = database.prepare(sql);
        return statement.step() ? statement.text(0) : "(no row)";
    }
};

TEST_F(StoreTest, KeepsThePrecisionOfEveryTrialInEveryView) {
    trials[1].precision = trials[2].precision = trials[3].precision = Precision::bfloat16;
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    finish(store, trials[0]);
    finish(store, trials[1]);
    store.stop_trial(trials[2].id);
    store.fail_trial(trials[3].id, "out of memory");
    EXPECT_EQ(text("SELECT group_concat(precision) FROM (SELECT precision FROM trials ORDER BY id)"),
              "fp32,bf16,bf16,bf16");
    EXPECT_EQ(number("SELECT count(*) FROM leaderboard WHERE precision = 'bf16'"), 1);
    EXPECT_EQ(text("SELECT precision FROM stopped_trials"), "bf16");
    EXPECT_EQ(text("SELECT precision FROM failed_trials"), "bf16");
    EXPECT_EQ(number("SELECT count(*) FROM axis_effects WHERE axis = 'precision' AND trials = 1"), 2);
}

TEST_F(StoreTest, CountsADeathAgainstATrialOnlyWhereItsProcessOrItsClockSpeakAgainstIt) {
    std::vector<CrashReport> reports;
    const auto begin = [&](Store& store) { store.begin_sweep(synthetic_sweep(), trials, std::exchange(reports, {})); };
    const auto die = [&](int epochs, bool overdue) {
        Store store(path);
        begin(store);
        store.start_trial(trials[0].id, 0);
        store.start_trial(trials[1].id, 0);
        store.pause_trial(trials[1].id);
        for (int epoch = 1; epoch <= epochs; ++epoch)
            store.record_epoch(trials[0].id, synthetic_epoch(trials[0], epoch));
        if (overdue) store.set_overdue({trials[0].id}, true);
    };
    const auto crash = [&](int epochs) {
        die(epochs, false);
        reports = {{"rank 0: SIGSEGV", {trials[0].id, trials[1].id, trials[2].id}}};
    };
    const auto deaths = [&] {
        Store store(path);
        begin(store);
        return store.deaths();
    };
    for (int time = 0; time < 5; ++time) die(0, false);
    EXPECT_TRUE(deaths().empty()) << "killed five times, through no fault of its own";
    crash(0);
    ASSERT_EQ(deaths().size(), 1u) << "who waited, and who was not begun again, did not die";
    EXPECT_EQ(deaths()[trials[0].id].count, 1);
    EXPECT_EQ(deaths()[trials[0].id].reason, "rank 0: SIGSEGV");
    die(0, true);
    EXPECT_EQ(deaths()[trials[0].id].count, 2);
    EXPECT_EQ(deaths()[trials[0].id].reason, "an epoch took many times as long as predicted");
    die(0, false);
    EXPECT_EQ(deaths()[trials[0].id].count, 2) << "overdue in the flight before";
    die(2, false);
    EXPECT_EQ(deaths().count(trials[0].id), 0u) << "it got further than ever before";
    crash(2);
    EXPECT_EQ(deaths()[trials[0].id].count, 1) << "two epochs are no progress any more";
    crash(1);
    EXPECT_EQ(deaths()[trials[0].id].count, 2);
    crash(3);
    EXPECT_EQ(deaths()[trials[0].id].count, 1) << "progress forgives what was before, not the crash after it";
    {
        Store store(path);
        begin(store);
        store.start_trial(trials[0].id, 0);
        store.set_overdue({trials[0].id}, true);
        store.set_overdue({trials[0].id}, false);
    }
    EXPECT_EQ(deaths()[trials[0].id].count, 1) << "its epoch came after all";
    {
        Store store(path);
        begin(store);
        store.start_trial(trials[0].id, 0);
        store.end_sweep(RunOutcome::interrupted);
    }
    EXPECT_EQ(deaths()[trials[0].id].count, 1) << "an end in order is no death, and forgets none";
    {
        Store store(path);
        begin(store);
        store.end_sweep(RunOutcome::ok);
    }
    EXPECT_TRUE(deaths().empty());
}

TEST_F(StoreTest, KeepsWhatASweepAskedForAndWhatCameOfIt) {
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        finish(store, trials[0], 3);
        store.record_stage({.kind = "features",
                            .description = "resnet50",
                            .rank = 1,
                            .trials = 4,
                            .predicted_seconds = 2,
                            .seconds = 3,
                            .predicted_bytes = 10,
                            .bytes = 11});
        store.end_sweep(RunOutcome::ok);
    }
    EXPECT_EQ(number("SELECT count(*) FROM trials WHERE state = 'waiting'"), 3);
    EXPECT_EQ(text("SELECT seconds FROM trials WHERE state = 'finished'"), "3.75");
    EXPECT_EQ(text("SELECT outcome FROM sweeps"), "ok");
    EXPECT_EQ(text("SELECT classes FROM sweeps"), R"(["daisy","rose","tulip"])");
    EXPECT_EQ(text("SELECT head || ' ' || dropout || ' ' || optimizer FROM trials"), "256-128 0.5 adam");
    EXPECT_EQ(number("SELECT bytes FROM stages"), 11);
    EXPECT_EQ(text("SELECT value FROM environment WHERE name = 'host'"), "atlas");
}

TEST_F(StoreTest, AddsNothingTwiceWhenASweepBeginsAgain) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    store.begin_sweep(synthetic_sweep(), trials);
    EXPECT_EQ(number("SELECT count(*) FROM trials"), 4);
    EXPECT_EQ(number("SELECT count(*) FROM sweeps"), 2);
    EXPECT_EQ(text("SELECT outcome FROM sweeps ORDER BY id"), "killed");
}

TEST_F(StoreTest, MakesRunningAndFailedTrialsWaitAgainAndKeepsFinishedOnes) {
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        finish(store, trials[0]);
        store.start_trial(trials[1].id, 0);
        store.record_epoch(trials[1].id, synthetic_epoch(trials[1], 1));
        store.start_trial(trials[2].id, 0);
        store.fail_trial(trials[2].id, "out of memory");
    }
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    EXPECT_THAT(store.finished(trials), ElementsAre(trials[0].id));
    EXPECT_EQ(number("SELECT count(*) FROM trials WHERE state = 'waiting'"), 3);
    EXPECT_EQ(number("SELECT count(*) FROM epochs"), 8) << "only the finished trial's";
    EXPECT_EQ(text("SELECT message FROM failures"), "out of memory");
}

TEST_F(StoreTest, KeepsAStoppedTrialAndItsEpochsUntilItGoesOnAndFinishes) {
    const std::string id = trials[1].id;
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        store.start_trial(id, 0);
        for (int epoch = 1; epoch <= 2; ++epoch) store.record_epoch(id, synthetic_epoch(trials[1], epoch));
        store.stop_trial(id);
    }
    EXPECT_EQ(
        text("SELECT state || ' ' || seconds || ' ' || (finished IS NOT NULL) FROM trials WHERE id = '" + id + "'"),
        "stopped 5.0 1");
    const std::string started = text("SELECT started FROM trials WHERE id = '" + id + "'");

    Store store(path);
    store.begin_sweep(synthetic_sweep(), {trials.begin() + 2, trials.end()});
    EXPECT_EQ(number("SELECT count(*) FROM epochs"), 2) << "also where the sweep no longer asks for it";
    store.begin_sweep(synthetic_sweep(), trials);
    EXPECT_EQ(number("SELECT count(*) FROM trials"), 4);
    EXPECT_EQ(number("SELECT count(*) FROM epochs"), 2);
    EXPECT_TRUE(store.finished(trials).empty());

    store.start_trial(id, 1);
    EXPECT_EQ(text("SELECT state || ' ' || sweep || ' ' || rank || ' ' || (seconds IS NULL AND finished IS NULL) FROM"
                   " trials WHERE id = '" +
                   id + "'"),
              "running 3 1 1");
    EXPECT_EQ(number("SELECT count(*) FROM epochs"), 2);
    for (int epoch = 2; epoch <= 3; ++epoch) store.record_epoch(id, synthetic_epoch(trials[1], epoch));
    store.finish_trial(id);
    EXPECT_THAT(store.finished(trials), ElementsAre(id));
    EXPECT_EQ(text("SELECT seconds FROM trials WHERE state = 'finished'"), "7.5") << "of three epochs, none twice";
    EXPECT_EQ(text("SELECT started FROM trials WHERE state = 'finished'"), started);
    GTEST_FLAG_SET(death_test_style, "fast");
    EXPECT_DEATH(store.stop_trial(id), "never rewritten");
}

TEST_F(StoreTest, ListsStoppedTrialsOnTheSameDataTheBestFirst) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    const auto stop_with = [&](const Trial& trial, int epochs, double accuracy) {
        for (int epoch = 1; epoch <= epochs; ++epoch)
            store.record_epoch(trial.id, {.epoch = epoch, .validation_accuracy = accuracy});
        store.stop_trial(trial.id);
    };
    stop_with(trials[0], 2, std::nan(""));
    stop_with(trials[1], 1, 0.5);
    stop_with(trials[2], 2, 0.7);
    EXPECT_EQ(text("SELECT group_concat(trial || ' ' || stopped_after || ' ' || epochs || ' ' || backbone || ' '"
                   " || coalesce(validation_accuracy, '-'), ';') FROM stopped_trials"),
              trials[2].id + " 2 8 mobilenet_v2 0.7;" + trials[1].id + " 1 8 resnet50 0.5;" + trials[0].id +
                  " 2 8 mobilenet_v2 -");
    EXPECT_EQ(number("SELECT count(*) FROM leaderboard"), 0);
    SweepRecord other_data = synthetic_sweep();
    other_data.data_fingerprint = "f2";
    store.begin_sweep(other_data, {});
    EXPECT_EQ(number("SELECT count(*) FROM stopped_trials"), 0);
}

TEST_F(StoreTest, ShowsTheEpochsOfFinishedAndStoppedTrials) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    finish(store, trials[0], 3);
    EpochRecord first = synthetic_epoch(trials[1], 1), second = {.epoch = 2, .validation_loss = std::nan("")};
    first.weights = "abc";
    first.learning_rate = 0.003;
    first.validation_auc = 0.875;
    first.validation_top5_accuracy = 0.96;
    store.record_epoch(trials[1].id, second);
    store.record_epoch(trials[1].id, first);
    store.stop_trial(trials[1].id);
    store.start_trial(trials[2].id, 0);
    store.record_epoch(trials[2].id, synthetic_epoch(trials[2], 1));

    const auto shown = store.shown({trials[1], trials[2], trials[3], trials[0]});
    ASSERT_EQ(shown.size(), 2U);
    EXPECT_EQ(shown.at(trials[0].id).size(), 3U);
    const std::vector<EpochRecord>& epochs = shown.at(trials[1].id);
    ASSERT_EQ(epochs.size(), 2U);
    EXPECT_EQ(nlohmann::json(epochs[0]), nlohmann::json(first)) << "every figure, bit for bit";
    EXPECT_EQ(epochs[1].epoch, 2);
    EXPECT_TRUE(std::isnan(epochs[1].validation_loss));
    EXPECT_EQ(epochs[1].weights, "");
    EXPECT_EQ(epochs[1].validation_auc, std::nullopt);
    EXPECT_EQ(epochs[1].learning_rate, 0) << "it is not known";
    EXPECT_EQ(text("SELECT weights FROM epochs WHERE weights IS NOT NULL"), "abc");
    EXPECT_EQ(store.shown({trials[1]}).size(), 1U) << "only of those that are asked for";
}

TEST_F(StoreTest, TakesTheFinalMetricsFromTheResultEpoch) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    const auto run = [&](const Trial& trial, int result_epoch) {
        store.start_trial(trial.id, 0);
        for (int epoch = 1; epoch <= 3; ++epoch) {
            EpochRecord record = synthetic_epoch(trial, epoch);
            record.train_loss = epoch;
            record.validation_auc = 0.5 + 0.125 * epoch;
            record.validation_accuracy = epoch == 3 ? 0.25 : 0.5;
            store.record_epoch(trial.id, record);
        }
        store.finish_trial(trial.id, result_epoch);
    };
    run(trials[0], 0);
    run(trials[1], 2);
    const std::string what =
        "SELECT last_epoch || ' ' || result_epoch || ' ' || final_train_loss || ' ' || final_validation_accuracy || ' '"
        " || final_validation_auc || ' ' || best_epoch FROM trials WHERE id = '";
    EXPECT_EQ(text(what + trials[0].id + "'"), "3 3 3.0 0.25 0.875 1");
    EXPECT_EQ(text(what + trials[1].id + "'"), "3 2 2.0 0.5 0.75 1");
    EXPECT_EQ(text("SELECT trial || ' ' || result_epoch || ' ' || validation_auc FROM leaderboard LIMIT 1"),
              trials[1].id + " 2 0.75");
}

TEST_F(StoreTest, WritesEveryAxisAsPeopleReadIt) {
    Trial usual = trials[0], other = trials[1];
    other.until = "block_6_expand_relu";
    other.base_layers = 60;
    other.loss = Loss::binary_crossentropy;
    other.label_smoothing = 0.1;
    other.class_weights.balanced = true;
    other.schedule.kind = ScheduleKind::cosine;
    other.early_stop.patience = 3;
    other.augment.fresh = true;
    other.folds = 5;
    other.fold = 2;
    other.phases = {{.freeze = "all", .learning_rate = 0.001, .epochs = 3}};
    other.batch_norm = BatchNormMode::inference;
    Store store(path);
    store.begin_sweep(synthetic_sweep(), {usual, other});
    const auto words = [&](const std::string& id) {
        Statement row =
            Database(path, Database::Mode::read)
                .prepare("SELECT " + axis_columns(kFirstLaterAxis) + " FROM trials WHERE id = '" + id + "'");
        std::string joined;
        while (row.step())
            for (int column = 0; column < row.columns(); ++column) joined += row.text(column) + "; ";
        return joined;
    };
    EXPECT_EQ(words(usual.id), "none; categorical_crossentropy; 0.0; none; constant; none; none; none; none; train; ");
    EXPECT_EQ(
        words(other.id),
        "block_6_expand_relu; binary_crossentropy; 0.1; balanced; cosine; validation_loss patience=3; fresh; 2/5; "
        "all 0.001 x3; inference; ");
}

TEST_F(StoreTest, TellsConfigurationsApartByAllButSeedAndFold) {
    const Trial usual = trials[0];
    std::vector<Trial> all;
    const auto add = [&](const auto& change) {
        Trial trial = usual;
        change(trial);
        trial.id = fmt::format("{:016x}", all.size());
        all.push_back(trial);
    };
    add([](Trial&) {});
    add([](Trial& trial) { trial.seed = 9; });
    add([](Trial& trial) { trial.folds = 5, trial.fold = 1; });
    add([](Trial& trial) { trial.folds = 5, trial.fold = 2; });
    add([](Trial& trial) { trial.folds = 4, trial.fold = 2; });
    add([](Trial& trial) { trial.until = "mixed7", trial.base_layers = 50; });
    add([](Trial& trial) { trial.until = "another name of it", trial.base_layers = 50; });
    add([](Trial& trial) { trial.label_smoothing = 0.1; });
    add([](Trial& trial) { trial.label_smoothing = 0.2; });
    add([](Trial& trial) { trial.loss = Loss::binary_crossentropy; });
    add([](Trial& trial) { trial.class_weights.balanced = true; });
    add([](Trial& trial) { trial.schedule.warm_up = 2; });
    add([](Trial& trial) { trial.early_stop.patience = 2; });
    add([](Trial& trial) { trial.augment.views = 4; });
    add([](Trial& trial) { trial.phases.emplace_back(); });
    Store store(path);
    store.begin_sweep(synthetic_sweep(), all);
    EXPECT_EQ(number("SELECT count(DISTINCT configuration) FROM trials"), std::ssize(all) - 3);
    const auto configuration = [&](int trial) {
        return text(fmt::format("SELECT configuration FROM trials WHERE id = '{:016x}'", trial));
    };
    EXPECT_EQ(configuration(0), configuration(1));
    EXPECT_EQ(configuration(2), configuration(3));
    EXPECT_EQ(configuration(5), configuration(6));
}

TEST_F(StoreTest, KeepsPredictedAndMeasuredSecondsOfEachInvocation) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    store.record_prediction(9.5);
    store.end_sweep(RunOutcome::ok, 10.5);
    store.begin_sweep(synthetic_sweep(), trials);
    store.end_sweep(RunOutcome::ok);
    EXPECT_EQ(text("SELECT group_concat(coalesce(predicted_seconds, '-') || ' ' || coalesce(seconds, '-'), ';')"
                   " FROM sweeps"),
              "9.5 10.5;- -");
}

TEST_F(StoreTest, KnowsTheWordsOfHowARunEndedAndNoOther) {
    Store store(path);
    for (const auto& [outcome, word] : names_of(RunOutcome())) {
        store.begin_sweep(synthetic_sweep(), trials);
        store.end_sweep(outcome, 1, "why");
        EXPECT_EQ(text("SELECT outcome || ' ' || message FROM sweeps ORDER BY id DESC LIMIT 1"),
                  fmt::format("{} why", word));
    }
    EXPECT_THAT([&] { Database(path, Database::Mode::write).execute("UPDATE sweeps SET outcome = 'bored'"); },
                ThrowsMessage<StatementError>(HasSubstr("CHECK constraint failed")));
}

TEST_F(StoreTest, FollowsAChangedSweep) {
    Store store(path);
    const std::vector<Trial> two(trials.begin(), trials.begin() + 2), last_two(trials.begin() + 2, trials.end());
    store.begin_sweep(synthetic_sweep(), two);
    finish(store, two[0]);
    store.begin_sweep(synthetic_sweep(), last_two);
    EXPECT_EQ(number("SELECT count(*) FROM trials"), 3) << "the finished one stays, the one that never ran goes";
    EXPECT_EQ(number("SELECT count(*) FROM leaderboard"), 1) << "the data is the same, so it may be compared";

    SweepRecord other_data = synthetic_sweep();
    other_data.data_fingerprint = "f2";
    store.begin_sweep(other_data, last_two);
    EXPECT_EQ(number("SELECT count(*) FROM leaderboard"), 0) << "accuracies on other images are not compared";
    EXPECT_EQ(number("SELECT count(*) FROM trials"), 3);
}

TEST_F(StoreTest, RefusesToChangeAFinishedTrialHoweverItIsTried) {
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        finish(store, trials[0]);
    }
    Database database(path, Database::Mode::write);
    const std::string its = "'" + trials[0].id + "'";
    for (const std::string sql :
         {"UPDATE trials SET seconds = 1", "UPDATE trials SET state = 'waiting'", "DELETE FROM trials",
          "INSERT OR REPLACE INTO trials SELECT * FROM trials WHERE id = ID", "UPDATE epochs SET train_loss = 0",
          "DELETE FROM epochs", "INSERT INTO epochs VALUES (ID, 9, 0, 0, 0, 0, 0, 'w', 0, 0, 0)",
          "INSERT OR REPLACE INTO epochs VALUES (ID, 1, 0, 0, 0, 0, 0, 'w', 0, 0, 0)"}) {
        std::string filled = sql;
        if (const auto at = filled.find("ID"); at != std::string::npos) filled.replace(at, 2, its);
        EXPECT_THAT([&] { database.execute(filled); }, ThrowsMessage<StatementError>(HasSubstr("never re"))) << filled;
    }
    EXPECT_EQ(number("SELECT count(*) FROM epochs"), 8);
}

TEST_F(StoreTest, TreatsWritingToAFinishedOrUnknownTrialAsABug) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    finish(store, trials[0]);
    GTEST_FLAG_SET(death_test_style, "fast");
    EXPECT_DEATH(store.finish_trial("nobody"), "no trial nobody");
    EXPECT_DEATH(store.record_epoch(trials[0].id, {.epoch = 9}), "never rewritten");
}

TEST_F(StoreTest, ReplacesAnEpochThatIsTrainedAgain) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    store.record_epoch(trials[0].id, {.epoch = 1, .train_loss = 5});
    store.record_epoch(trials[0].id, {.epoch = 1, .train_loss = 7});
    EXPECT_EQ(text("SELECT train_loss FROM epochs"), "7.0");
}

TEST_F(StoreTest, KeepsWhatEachImageWasTakenForAtATrialsEnd) {
    SweepRecord sweep = synthetic_sweep();
    sweep.validation = {{"daisy/1.jpg", 0}, {"rose/2.jpg", 1}, {"tulip/3.jpg", 2}};
    sweep.test = {{"rose/4.jpg", 1}};
    const std::vector<int> predicted = {0, -1, 300};
    {
        Store store(path);
        store.begin_sweep(sweep, trials);
        store.start_trial(trials[0].id, 0);
        EpochRecord last = synthetic_epoch(trials[0], 1);
        last.predicted = predicted;
        store.record_epoch(trials[0].id, last);
        store.finish_trial(trials[0].id);
        store.record_test(trials[0].id, {1});
        store.record_test(trials[0].id, {2});  // the first stays
        store.begin_sweep(sweep, trials);
    }
    EXPECT_EQ(text("SELECT group_concat(path || ' ' || label) FROM (SELECT * FROM images WHERE part = 'validation'"
                   " ORDER BY place)"),
              "daisy/1.jpg 0,rose/2.jpg 1,tulip/3.jpg 2");
    EXPECT_EQ(number("SELECT label FROM images WHERE part = 'test'"), 1);
    EXPECT_EQ(unpacked_classes(text("SELECT classes FROM predictions WHERE part = 'validation'")), predicted);
    EXPECT_EQ(unpacked_classes(text("SELECT classes FROM predictions WHERE part = 'test'")), std::vector<int>{1});
}

TEST_F(StoreTest, StoresMetricsThatAreNotFiniteAsNull) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    finish(store, trials[0]);
    store.record_epoch(trials[1].id, {.epoch = 1,
                                      .train_loss = std::numeric_limits<double>::quiet_NaN(),
                                      .validation_loss = std::numeric_limits<double>::infinity(),
                                      .validation_accuracy = std::nan("")});
    store.finish_trial(trials[1].id);
    EXPECT_EQ(number("SELECT train_loss IS NULL AND validation_loss IS NULL FROM epochs WHERE trial = '" +
                     trials[1].id + "'"),
              1);
    EXPECT_EQ(text("SELECT trial FROM leaderboard WHERE rank = 2"), trials[1].id) << "a diverged trial comes last";
}

TEST_F(StoreTest, TakesTenThousandTrials) {
    const std::vector<Trial> many = synthetic_trials(10'000);
    Store store(path);
    store.begin_sweep(synthetic_sweep(), many);
    store.together([&] {
        for (const Trial& trial : many) finish(store, trial, 1);
    });
    EXPECT_EQ(store.finished(many).size(), many.size());
    EXPECT_EQ(store.shown(many).size(), many.size());
    EXPECT_EQ(number("SELECT max(rank) FROM leaderboard"), 10'000);
}

TEST_F(StoreTest, UndoesABatchThatThrows) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    EXPECT_THROW(store.together([&] {
        store.start_trial(trials[0].id, 0);
        throw StageError("lost");
    }),
                 StageError);
    EXPECT_EQ(number("SELECT count(*) FROM trials WHERE state = 'running'"), 0);
}

TEST_F(StoreTest, RanksByAccuracyThenLossAndComparesBackbones) {
    Store store(path);
    trials[2].weights = "random";
    store.begin_sweep(synthetic_sweep(), trials);
    const auto finish_with = [&](const Trial& trial, double early, double accuracy, double loss) {
        store.record_epoch(trial.id, {.epoch = 1, .validation_loss = loss, .validation_accuracy = early, .seconds = 1});
        store.record_epoch(trial.id,
                           {.epoch = 2, .validation_loss = loss, .validation_accuracy = accuracy, .seconds = 3});
        store.finish_trial(trial.id);
    };
    finish_with(trials[0], 0.95, 0.8, 0.5);  // mobilenet_v2
    finish_with(trials[1], 0.5, 0.8, 0.4);   // resnet50
    finish_with(trials[2], 0.1, 0.2, 2.0);   // mobilenet_v2, random weights
    finish_with(trials[3], 0.5, 0.6, 0.4);   // resnet50
    Database database(path, Database::Mode::read);
    Statement ranks = database.prepare("SELECT trial, best_validation_accuracy, best_epoch FROM leaderboard");
    std::vector<std::string> order;
    while (ranks.step()) order.push_back(ranks.text(0));
    EXPECT_THAT(order, ElementsAre(trials[1].id, trials[0].id, trials[3].id, trials[2].id));
    EXPECT_EQ(text("SELECT best_validation_accuracy || ' ' || best_epoch FROM leaderboard WHERE rank = 2"), "0.95 1");
    EXPECT_EQ(
        text("SELECT group_concat(backbone || ' ' || weights || ' ' || trials || ' ' || mean_validation_accuracy, ';')"
             " FROM backbone_comparison"),
        "resnet50 imagenet 2 0.7;mobilenet_v2 imagenet 1 0.8;mobilenet_v2 random 1 0.2");
    EXPECT_EQ(text("SELECT best_trial FROM backbone_comparison"), trials[1].id);
    EXPECT_EQ(text("SELECT value || ' ' || trials || ' ' || random FROM axis_effects WHERE value LIKE '%(random)'"),
              "mobilenet_v2 (random) 1 1");
    EXPECT_EQ(text("SELECT group_concat(DISTINCT axis) FROM axis_effects"), "backbone,weights,freeze");
}

TEST_F(StoreTest, IsWholeAfterItsWriterIsKilledAtAnyMoment) {
    const std::vector<Trial> many = synthetic_trials(3000);
    std::size_t finished_before = 0;
    for (int attempt = 0; attempt < 6; ++attempt) {
        int begun[2];
        ASSERT_EQ(::pipe(begun), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            Store store(path);
            store.begin_sweep(synthetic_sweep(), many);
            ::close(begun[1]);
            for (const Trial& trial : many)
                if (store.finished({trial}).empty()) finish(store, trial, 3);
            ::_exit(0);
        }
        ::close(begun[1]);
        char none;
        if (attempt % 2) {
            EXPECT_EQ(::read(begun[0], &none, 1), 0);  // until the writer closed its end: trials follow
        }
        ::close(begun[0]);
        ::usleep(40'000 + 70'000 * static_cast<unsigned>(attempt));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);

        Store store(path);  // checks the file's integrity, and the lock went with the child
        const std::size_t finished_now = store.finished(many).size();
        EXPECT_GE(finished_now, finished_before) << "a finished trial was lost";
        finished_before = finished_now;
        EXPECT_EQ(text("PRAGMA integrity_check"), "ok");
        EXPECT_EQ(number("SELECT count(*) FROM trials WHERE state = 'finished' AND"
                         " (SELECT count(*) FROM epochs WHERE trial = trials.id) <> 3"),
                  0);
        const auto there = number("SELECT count(*) FROM trials");
        EXPECT_TRUE(there == 0 || there == 3000) << "begin_sweep is all or nothing, found " << there;
    }
    EXPECT_GT(finished_before, 0U);
}

}  // namespace
}  // namespace thaw
