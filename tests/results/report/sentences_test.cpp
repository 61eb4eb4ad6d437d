// Every sentence of a report is what SQL finds in its database.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "common/backbones/backbones.hpp"
#include "common/util/atomic_file.hpp"
#include "results/report/report.hpp"
#include "tests/results/report/report_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

class ReportSentences : public testing::Test {
  protected:
    TemporaryFolder folder;
    std::filesystem::path database = folder / "results.db", page = folder / "report.md";

    /// Whether sentences.py agrees with each line.
    bool hold() const {
        const std::string command = "python3 " THAW_SOURCE_DIR "/tests/results/report/sentences.py " +
                                    database.string() + " " + page.string() + " > " + (folder / "said").string();
        return std::system(command.c_str()) == 0;
    }
    std::string said() const { return read_file(folder / "said"); }
    void report() {
        write_report(database, "", page);
        EXPECT_TRUE(hold()) << said();
    }
};

/// Of networks as deep as they are, with names of layers that one of them alone has, three heads and two dropouts.
std::vector<Trial> grid_of_trials(std::uint64_t seeds) {
    std::vector<Trial> trials;
    for (const std::string backbone : {"mobilenet_v2", "resnet50"}) {
        const int layers = build_backbone(backbone, 224, PaddingStyle::symmetric).top_begin;
        for (const std::string freeze : {"all", "80%", "50", "none", "named"})
            for (const int hidden : {0, 1, 2})
                for (const double dropout : {0.2, 0.5})
                    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
                        if (hidden == 0 && dropout > 0.2) continue;
                        Trial trial;
                        trial.backbone = backbone;
                        trial.freeze = freeze != "named" ? freeze : backbone == "resnet50" ? "layer3" : "features.14";
                        trial.frozen_layers = freeze == "all"    ? layers
                                              : freeze == "80%"  ? layers * 4 / 5
                                              : freeze == "50"   ? 50
                                              : freeze == "none" ? 0
                                                                 : layers * 9 / 10;
                        trial.head.widths.assign(static_cast<std::size_t>(hidden), 128);
                        trial.dropout.assign(static_cast<std::size_t>(hidden), dropout);
                        trial.seed = seed;
                        trial.id = fmt::format("{:016x}", trials.size());
                        trials.push_back(trial);
                    }
    }
    return trials;
}

/// A sweep with all that a report can have: pruned and failed trials, stages, predictions.
void fill(const std::filesystem::path& database, std::uint64_t seeds) {
    const SweepRecord sweep = shape_sweep("/nowhere", 40);
    const std::vector<Trial> trials = grid_of_trials(seeds);
    Store store(database);
    store.begin_sweep(sweep, trials);
    store.record_prediction(120);
    for (std::size_t i = 0; i + 4 < trials.size(); ++i) finish_with_predictions(store, trials[i], sweep.validation);
    for (std::size_t i = trials.size() - 4; i + 2 < trials.size(); ++i) {
        store.record_epoch(trials[i].id, synthetic_epoch(trials[i], 1));
        store.stop_trial(trials[i].id);
    }
    for (std::size_t i = trials.size() - 2; i < trials.size(); ++i) store.fail_trial(trials[i].id, "out of memory");
    for (const char* what : {"resnet50 at 224 px, 5 cuts", "mobilenet_v2 at 224 px, 5 cuts"})
        store.record_stage({.kind = "features",
                            .description = what,
                            .trials = 50,
                            .predicted_seconds = 10,
                            .seconds = 12.5,
                            .computed = 3000});
    store.record_stage(
        {.kind = "train", .description = "heads", .trials = 100, .predicted_seconds = 90, .seconds = 99});
    store.end_sweep(RunOutcome::ok, 111.4);
}

TEST_F(ReportSentences, AreWhatTheDatabaseHas) {
    fill(database, 3);
    report();
}

TEST_F(ReportSentences, AreWhatTheDatabaseHasOfASingleSeed) {
    fill(database, 1);
    report();
}

TEST_F(ReportSentences, AreWhatTheDatabaseHasOfTestImages) {
    fill(database, 3);
    report();
    std::string winner = read_file(page);
    winner = winner.substr(winner.find("--trial ") + 8, 16);
    {
        Store store(database);
        SweepRecord sweep = shape_sweep("/nowhere", 40);
        sweep.test = shape_images(50);
        sweep.test_images = 150;
        store.begin_sweep(sweep, grid_of_trials(3));
        store.record_test(winner, predictions_of(sweep.test, 30));
        store.end_sweep(RunOutcome::ok, 0.2);
    }
    report();
    EXPECT_NE(read_file(page).find("of 150 held-out test images correct"), std::string::npos);
}

TEST_F(ReportSentences, AreWhatTheDatabaseHasWithoutPredictions) {
    const std::vector<Trial> trials = grid_of_trials(2);
    {
        Store store(database);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) finish(store, trial);
    }
    report();
}

TEST_F(ReportSentences, AreWhatTheDatabaseHasOfOverfitting) {
    const std::vector<Trial> trials = grid_of_trials(1);
    {
        Store store(database);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) {
            for (int number = 1; number <= 10; ++number) {
                EpochRecord epoch = synthetic_epoch(trial, number);
                const double past = std::max(0, number - 5), wave = number % 2 ? 0.004 : 0;
                epoch.validation_loss = 0.4 + 1.0 / (number * number) + 0.02 * past * noise(trial) + wave;
                store.record_epoch(trial.id, epoch);
            }
            store.finish_trial(trial.id);
        }
    }
    report();
    EXPECT_NE(said().find("overfitting "), std::string::npos) << said();
    EXPECT_NE(said().find("names "), std::string::npos) << "some curves do not: " << said();
}

TEST_F(ReportSentences, ThatAreWrongAreFound) {
    fill(database, 3);
    report();
    const std::string right = read_file(page);
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string wrong = right;
        const std::size_t at = wrong.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        write_file(page, wrong.replace(at, from.size(), to));
        return hold();
    };
    EXPECT_FALSE(with("mean of 3 seeds", "mean of 4 seeds"));
    EXPECT_FALSE(with(" not significant", " significant"));
    EXPECT_FALSE(with(" beats ", " falls behind "));
    EXPECT_FALSE(with(" pairs)", "1 pairs)"));
    EXPECT_FALSE(with("## Leaderboard\n", "## Leaderboard\n\nThis one is the very best.\n"));
    EXPECT_TRUE(with("## Leaderboard\n", "## Leaderboard\n\n"));
}

}  // namespace
}  // namespace thaw
