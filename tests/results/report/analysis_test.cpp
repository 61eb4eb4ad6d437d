// Fair comparisons: known effects are found again whatever else varies, and ties are called ties.
#include "results/report/analysis.hpp"

#include <gmock/gmock.h>

#include "common/trial/data_options.hpp"
#include "results/report/analysis_images.hpp"

namespace thaw {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

RankedTrial trial_of(const std::string& backbone, const std::string& freeze, double learning_rate, std::int64_t seed,
                     double accuracy) {
    RankedTrial trial;
    trial.axes = {backbone, "imagenet",    freeze,           "avg",           "none", "0",
                  "adam",   learning_rate, std::int64_t{16}, std::int64_t{8}, seed,   std::int64_t{224},
                  "fp32"};
    trial.frozen_layers = freeze == "all" ? 100 : freeze == "50" ? 50 : 0;
    trial.validation_accuracy = accuracy;
    trial.id = backbone + freeze + std::to_string(learning_rate) + std::to_string(seed);
    trial.seconds = 1;
    return trial;
}

Leaderboard board_of(std::vector<RankedTrial> trials) {
    Leaderboard board;
    board.trials = std::move(trials);
    int rank = 0;
    for (RankedTrial& trial : board.trials) trial.rank = ++rank;
    return board;
}

const AxisEffect& effect_on(const Analysis& analysis, const char* column) {
    for (const AxisEffect& effect : analysis.effects)
        if (std::string(kAxes[effect.axis].name) == column) return effect;
    throw std::runtime_error(column);
}

TEST(Analysis, TrialsThatDifferInTheirSeedAloneAreOneConfiguration) {
    const Analysis analysis =
        analyze(board_of({trial_of("a", "all", 0.1, 1, 0.9), trial_of("b", "all", 0.1, 1, 0.8),
                          trial_of("b", "all", 0.1, 2, 0.78), trial_of("a", "all", 0.1, 2, 0.5)}));
    ASSERT_EQ(analysis.configurations.size(), 2U);
    EXPECT_THAT(analysis.configurations[0].trials, ElementsAre(1, 2)) << "ranked by mean, not by the luckiest seed";
    EXPECT_NEAR(analysis.configurations[0].accuracy.mean, 0.79, 1e-12);
    EXPECT_NEAR(analysis.configurations[0].accuracy.deviation, 0.02 / std::sqrt(2.0), 1e-12);
    EXPECT_THAT(analysis.seeds, ElementsAre("1", "2"));
}

TEST(Analysis, SeedsThatDivergedAreCountedAndNotAveraged) {
    const Analysis analysis =
        analyze(board_of({trial_of("a", "all", 0.1, 1, 0.9), trial_of("b", "all", 0.1, 1, std::nan("")),
                          trial_of("b", "all", 0.1, 2, std::nan("")), trial_of("a", "all", 0.1, 2, std::nan(""))}));
    EXPECT_EQ(analysis.configurations[0].accuracy.mean, 0.9);
    EXPECT_EQ(analysis.configurations[0].diverged, 1);
    EXPECT_TRUE(std::isnan(analysis.configurations[1].accuracy.mean)) << "of which nothing is left, is last";
}

TEST(Analysis, LevelsStandInTheOrderThatPeopleExpect) {
    std::vector<RankedTrial> trials;
    const std::vector<std::string> heads = {"256-128-64", "none", "64", "1024"},
                                   dropouts = {"0.5", "0.25", "0", "0.125"};
    for (std::size_t i = 0; i < 4; ++i) {
        trials.push_back(trial_of("a", i % 2 ? "all" : "none", 0.1, 1, 0.5));
        trials.back().axes[4] = heads[i];
        trials.back().axes[5] = dropouts[i];
    }
    const Analysis analysis = analyze(board_of(trials));
    const auto labels = [&](const char* column) {
        std::vector<std::string> texts;
        for (const Level& level : effect_on(analysis, column).levels) texts.push_back(level.label);
        return texts;
    };
    EXPECT_THAT(labels("head"), ElementsAre("none", "64", "1024", "256-128-64"));
    EXPECT_THAT(labels("dropout"), ElementsAre("0", "0.125", "0.25", "0.5"));
    EXPECT_THAT(labels("freeze"), ElementsAre("none", "all"));
    EXPECT_EQ(effect_on(analysis, "dropout").levels[1].number, 0.125);
}

TEST(Analysis, AnUnbalancedGridDoesNotMoveAnEffect) {
    // `50` gains 0.1 everywhere, but is tried more often with the weaker network: raw averages would say it loses.
    std::vector<RankedTrial> trials;
    for (const double rate : {0.1, 0.2, 0.3, 0.4}) {
        trials.push_back(trial_of("weak", "50", rate, 1, 0.3 + rate));
        trials.push_back(trial_of("strong", "all", rate, 1, 0.5 + rate));
    }
    trials.push_back(trial_of("weak", "all", 0.1, 1, 0.3));
    trials.push_back(trial_of("strong", "50", 0.1, 1, 0.7));
    const Analysis analysis = analyze(board_of(trials));
    const AxisEffect& freeze = analysis.effects.front();
    EXPECT_EQ(freeze.axis, kFreezeAxis) << "it comes first";
    ASSERT_EQ(freeze.pairs.size(), 1U);
    EXPECT_EQ(freeze.levels[0].label, "50") << "by depth";
    EXPECT_EQ(freeze.pairs[0].test.difference.count, 2) << "pairs of equal network and learning rate";
    EXPECT_NEAR(freeze.pairs[0].test.difference.mean, -0.1, 1e-12);
    EXPECT_EQ(freeze.best, 0);
    EXPECT_LT(freeze.means[0], freeze.means[1]) << "which is what raw averages would say";
    EXPECT_NEAR(effect_between(freeze, 1, 0)->test.difference.mean, 0.1, 1e-12);
    EXPECT_NEAR(effect_between(freeze, 1, 0)->test.difference.interval.low,
                -effect_between(freeze, 0, 1)->test.difference.interval.high, 1e-12);
}

TEST(Analysis, NetworksWithAFileOfWeightsEachCanBeCompared) {
    std::vector<RankedTrial> trials = {trial_of("a", "all", 0.1, 1, 0.9), trial_of("b", "all", 0.1, 1, 0.8)};
    trials[0].axes[kWeightsAxis] = "a.pth";
    trials[1].axes[kWeightsAxis] = "b.pth";
    const Analysis analysis = analyze(board_of(trials));
    ASSERT_EQ(analysis.effects.size(), 1U) << "the weights are part of the network";
    EXPECT_EQ(effect_on(analysis, "backbone").pairs.size(), 1U);
    EXPECT_EQ(effect_on(analysis, "backbone").levels[0].label, "a (a.pth)");
}

TEST(Analysis, NumbersAreInOrderOfSizeAndValuesDrawnAtRandomMakeNoPairs) {
    std::vector<RankedTrial> trials;
    for (int i = 0; i < 40; ++i) trials.push_back(trial_of("a", "all", 0.001 * (40 - i), 1, 0.01 * i));
    const AxisEffect effect = effect_on(analyze(board_of(trials)), "learning_rate");
    EXPECT_EQ(effect.levels[0].number, 0.001);
    EXPECT_EQ(effect.levels.size(), 40U);
    EXPECT_TRUE(effect.pairs.empty());
    EXPECT_EQ(effect.best, -1);
}

TEST(Analysis, AnEffectCanBeThatWithinOneNetwork) {
    const Analysis analysis = analyze(board_of({trial_of("a", "50", 1, 1, 0.9), trial_of("a", "all", 1, 1, 0.8),
                                                trial_of("b", "50", 1, 1, 0.5), trial_of("b", "all", 1, 1, 0.7)}));
    EXPECT_NEAR(effect_within(analysis, kFreezeAxis, kBackboneAxis, 0).pairs.at(0).test.difference.mean, -0.1, 1e-12);
    EXPECT_NEAR(effect_within(analysis, kFreezeAxis, kBackboneAxis, 1).pairs.at(0).test.difference.mean, 0.2, 1e-12);
}

TEST(Analysis, TooFewConfigurationsArePairedByTheirSeeds) {
    std::vector<RankedTrial> trials;
    for (const std::int64_t seed : {1, 2, 3, 4}) {
        trials.push_back(trial_of("a", "50", 1, seed, 0.8 + 0.01 * static_cast<double>(seed)));
        if (seed > 1) trials.push_back(trial_of("a", "all", 1, seed, 0.7));  // one seed is missing
    }
    const PairEffect effect = effect_on(analyze(board_of(trials)), "freeze").pairs.at(0);
    EXPECT_TRUE(effect.by_seed);
    EXPECT_EQ(effect.test.difference.count, 3);
    EXPECT_NEAR(effect.test.difference.mean, -0.13, 1e-12);
    EXPECT_NEAR(effect.test.difference.deviation, 0.01, 1e-12);
}

TEST(Analysis, AHeadWithoutHiddenLayersIsComparedWithHeadsOfAnyDropout) {
    std::vector<RankedTrial> trials;
    for (const char* dropout : {"0", "0.2", "0.5"}) {
        trials.push_back(trial_of("a", "all", 0.1, 1, dropout == std::string("0") ? 0.5 : 0.6));
        trials.back().axes[4] = dropout == std::string("0") ? "none" : "128";
        trials.back().axes[5] = dropout;
    }
    const AxisEffect head = effect_on(analyze(board_of(trials)), "head");
    ASSERT_EQ(head.pairs.size(), 1U);
    EXPECT_EQ(head.pairs[0].test.difference.count, 2);
    EXPECT_NEAR(head.pairs[0].test.difference.mean, 0.1, 1e-12);
}

TEST(Analysis, TheFrontHasWhatNothingBeatsInTimeAndAccuracy) {
    std::vector<RankedTrial> trials = {trial_of("a", "all", 1, 1, 0.9), trial_of("b", "all", 1, 1, 0.8),
                                       trial_of("c", "all", 1, 1, 0.7), trial_of("d", "all", 1, 1, 0.6)};
    trials[0].seconds = 9, trials[1].seconds = 2, trials[2].seconds = 3, trials[3].seconds = 1;
    EXPECT_THAT(analyze(board_of(trials)).front, ElementsAre(3, 1, 0));
}

/// The epochs of a validation loss.
std::vector<EpochRecord> curve_of(const std::vector<double>& losses) {
    std::vector<EpochRecord> epochs;
    for (const double loss : losses)
        epochs.push_back({.epoch = static_cast<int>(epochs.size()) + 1, .validation_loss = loss});
    return epochs;
}

TEST(Analysis, OverfittingIsARiseOfValidationLossBeyondItsNoise) {
    const auto found = overfitting(curve_of({1, 0.7, 0.5, 0.42, 0.4, 0.44, 0.5, 0.57, 0.66}));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->epoch, 5);
    EXPECT_EQ(found->lowest, 0.4);
    EXPECT_EQ(found->last, 0.66);
    // Second differences: 0.1, 0.12, 0.06, 0.06, 0.02, 0.01, 0.02.
    EXPECT_NEAR(found->noise, 1.4826 * 0.06 / std::sqrt(6.0), 1e-12);
    EXPECT_FALSE(overfitting(curve_of({0.4, 0.3, 0.23, 0.2, 0.198, 0.206, 0.199, 0.204, 0.2})))
        << "0.198 to 0.2, on a curve that goes up and down by more";
    EXPECT_FALSE(overfitting(curve_of({0.5, 0.4, 0.35, 0.32, 0.3, 0.301, 0.302}))) << "less than 1 %";
    EXPECT_FALSE(overfitting(curve_of({1, 0.5, 0.4, 0.6}))) << "too few epochs for any noise";
    EXPECT_FALSE(overfitting(curve_of({1, 0.8, 0.7, 0.6, 0.5, 0.4}))) << "falls";
    EXPECT_FALSE(overfitting(curve_of({1, 0.8, 0.7, 0.6, 0.8, std::nan("")}))) << "diverged is another thing";
    EXPECT_FALSE(overfitting({}));
}

TEST(Analysis, EqualNumbersOfCorrectImagesHaveEqualMeans) {
    // All 304 of 360; sums of doubles differ in the last bit.
    std::vector<RankedTrial> trials;
    const std::vector<std::vector<int>> correct = {{100, 100, 104}, {104, 100, 100}, {100, 102, 102}};
    for (std::size_t i = 0; i < correct.size(); ++i)
        for (std::size_t seed = 0; seed < 3; ++seed)
            trials.push_back(trial_of("a", "all", 0.1 * static_cast<double>(i + 1), static_cast<std::int64_t>(seed + 1),
                                      correct[i][seed] / 120.0));
    const Analysis analysis = analyze(board_of(trials));
    for (const Configuration& configuration : analysis.configurations)
        EXPECT_EQ(configuration.accuracy.mean, analysis.configurations[0].accuracy.mean);
    EXPECT_NE((100 / 120.0 + 102 / 120.0 + 102 / 120.0) / 3, (104 / 120.0 + 100 / 120.0 + 100 / 120.0) / 3)
        << "otherwise this shows nothing";
}

TEST(Analysis, DepthsOfDifferentNetworksAreComparedAsShares) {
    // Each network has names of its own for a depth; a layer of one is none of the other.
    const Analysis analysis = analyze(
        board_of({trial_of("a", "x", 1, 1, 0.9), trial_of("a", "all", 1, 1, 0.8), trial_of("b", "y", 1, 1, 0.7),
                  trial_of("b", "all", 1, 1, 0.5), trial_of("c", "z", 1, 1, 0.7), trial_of("c", "all", 1, 1, 0.1)}));
    std::vector<double> shares;
    for (std::size_t i = 0; i < analysis.configurations.size(); ++i) {
        const std::string& freeze =
            analysis.levels[kFreezeAxis][static_cast<std::size_t>(analysis.level_of[i][kFreezeAxis])].label;
        shares.push_back(freeze == "all" ? 1 : freeze == "z" ? std::nan("") : freeze == "x" ? 0.75 : 0.99);
    }
    const AxisEffect effect = effect_of_depth(analysis, shares);
    ASSERT_EQ(effect.pairs.size(), 1U);
    EXPECT_EQ(effect.levels[static_cast<std::size_t>(effect.pairs[0].from)].label, "75 to 99 %");
    EXPECT_EQ(effect.levels[static_cast<std::size_t>(effect.pairs[0].to)].label, "100 %");
    EXPECT_EQ(effect.pairs[0].test.difference.count, 2) << "a pair within each network; not of the unknown one";
    EXPECT_NEAR(effect.pairs[0].test.difference.mean, -0.15, 1e-12);
}

TEST(Analysis, ComparesAHundredThousandTrials) {
    std::vector<RankedTrial> trials;
    for (int i = 0; i < 100'000; ++i)
        trials.push_back(trial_of(i % 2 ? "a" : "b", i / 2 % 2 ? "all" : "50", 0.001 * (i / 4 % 10000), 1 + i / 40000,
                                  0.5 + 1e-6 * (i % 1000)));
    const Leaderboard board = board_of(trials);
    const Analysis analysis = analyze(board);
    EXPECT_EQ(analysis.configurations.size(), 40'000U);
    EXPECT_EQ(effect_on(analysis, "backbone").pairs[0].test.difference.count, 20'000);
}

/// Two trials a seed; the first has all right but `first_wrong` images, the other all but `second_wrong` others.
struct Duel {
    Leaderboard board;
    ImagePredictions validation;

    Duel(int images, const std::vector<std::pair<int, int>>& wrong_by_seed) {
        std::vector<RankedTrial> trials;
        for (int i = 0; i < images; ++i) validation.images.push_back({std::to_string(i) + ".jpg", 1});
        std::int64_t seed = 0;
        for (const auto& [first_wrong, second_wrong] : wrong_by_seed) {
            ++seed;
            for (const bool second : {false, true}) {
                const int wrong = second ? second_wrong : first_wrong;
                std::vector<int> predicted(static_cast<std::size_t>(images), 1);
                for (int i = 0; i < wrong; ++i) predicted[static_cast<std::size_t>(second ? images - 1 - i : i)] = 0;
                const double accuracy = 1 - static_cast<double>(wrong) / images;
                trials.push_back(trial_of(second ? "second" : "first", "all", 0.1, seed, accuracy));
                validation.by_trial[trials.back().id] = predicted;
            }
        }
        board = board_of(trials);
    }
    Comparison verdict() const {
        const Analysis analysis = analyze(board);
        return compare(board, analysis.configurations.at(0), analysis.configurations.at(1), validation);
    }
};

TEST(Comparing, OneSeedIsDecidedByMcNemarsTest) {
    const Comparison better = Duel(200, {{2, 20}}).verdict();
    EXPECT_EQ(better.verdict, Comparison::Verdict::better);
    EXPECT_EQ(better.only_first, 20);
    EXPECT_EQ(better.only_second, 2);
    EXPECT_THAT(better.image_p, DoubleNear(mcnemar_exact(20, 2), 1e-15));
    EXPECT_EQ(comparison_text(better),
              "9.0 points lower, significant (the best alone is right on 20 images, this one alone on 2; McNemar's "
              "exact test: p < 0.001)");
    EXPECT_THAT(comparison_text(Duel(200, {{8, 12}}).verdict()), StartsWith("2.0 points lower, not significant ("));
}

TEST(Comparing, FoldsArePairedWithTheirOwnAndEachImageIsAskedByItsFold) {
    constexpr int kImages = 120, kFolds = 3;
    ImagePredictions validation;
    std::vector<RankedTrial> trials;
    for (int i = 0; i < kImages; ++i) validation.images.push_back({std::to_string(i) + ".jpg", 1});
    for (const bool second : {false, true})
        for (int fold = 0; fold < kFolds; ++fold) {
            std::vector<int> predicted(kImages, kOfAnotherFold);
            int wrong = 0;
            for (int i = fold; i < kImages; i += kFolds) {
                predicted[static_cast<std::size_t>(i)] = second && i < 60 ? 0 : 1;
                wrong += predicted[static_cast<std::size_t>(i)] == 0;
            }
            trials.push_back(trial_of(second ? "second" : "first", "all", 0.1, 1, 1 - 1.0 * wrong * kFolds / kImages));
            trials.back().axes[kFoldAxis] = std::to_string(fold + 1) + "/3";
            trials.back().id += std::to_string(fold);
            validation.by_trial[trials.back().id] = predicted;
            const Score score = score_of(validation.images, predicted);
            EXPECT_EQ(score.images, kImages / kFolds);
            EXPECT_EQ(score.correct, kImages / kFolds - wrong);
        }
    Configuration first, second;
    first.trials = {0, 1, 2};
    second.trials = {3, 4, 5};
    const Comparison comparison = compare(board_of(trials), first, second, validation);
    EXPECT_EQ(comparison.seeds, kFolds) << "not each with each";
    EXPECT_EQ(comparison.images, kImages);
    EXPECT_NEAR(comparison.difference, 0.5, 1e-12);
    EXPECT_LT(comparison.image_p, 1e-6);
}

TEST(Comparing, SeveralSeedsAreDecidedBySeedsAndImages) {
    const Comparison better = Duel(200, {{2, 20}, {3, 22}, {2, 19}}).verdict();
    EXPECT_EQ(better.verdict, Comparison::Verdict::better);
    EXPECT_THAT(comparison_text(better),
                testing::AllOf(HasSubstr("t test over 3 seeds: p = "), HasSubstr("t test over 200 images: p < 0.001")));
    EXPECT_EQ(Duel(200, {{2, 20}, {9, 5}, {2, 19}}).verdict().verdict, Comparison::Verdict::tie) << "seeds disagree";
    const Comparison lucky_images = Duel(200, {{0, 2}, {0, 2}, {0, 2}}).verdict();
    EXPECT_EQ(lucky_images.by_seed.p, 0) << "all seeds agree to the last image";
    EXPECT_EQ(lucky_images.verdict, Comparison::Verdict::tie) << "but two images decide it";
}

TEST(Comparing, WithOneSeedAndNoPredictionsNothingIsClaimed) {
    Duel duel(200, {{2, 20}});
    duel.validation.by_trial.clear();
    EXPECT_EQ(duel.verdict().verdict, Comparison::Verdict::unknown);
    EXPECT_EQ(comparison_text(duel.verdict()),
              "9.0 points lower, not tested (one seed, and the database has no predictions to pair)");
}

TEST(Comparing, SeedsThatAllDifferByTheSameAreNoProofWithoutImages) {
    Duel duel(200, {{2, 4}, {3, 5}, {0, 2}});
    EXPECT_EQ(duel.verdict().verdict, Comparison::Verdict::tie);
    duel.validation.by_trial.clear();
    EXPECT_EQ(duel.verdict().verdict, Comparison::Verdict::unknown);
}

TEST(Comparing, UnreadableImagesCountForNeither) {
    Duel duel(100, {{1, 9}});
    const std::string first = duel.board.trials[0].id;
    duel.validation.by_trial[first][0] = -1;
    EXPECT_EQ(duel.verdict().images, 99);
    EXPECT_EQ(duel.verdict().only_second, 0);
    EXPECT_EQ(score_of(duel.validation.images, duel.validation.by_trial[first]).images, 99);
}

TEST(Confusions, TheMostConfusedPairComesFirstWithBothDirections) {
    std::vector<ImageRecord> images;
    std::vector<int> predicted;
    const auto add = [&](int label, int taken_for, int times) {
        for (int i = 0; i < times; ++i) images.push_back({"x", label}), predicted.push_back(taken_for);
    };
    add(0, 0, 50), add(0, 1, 2), add(1, 0, 1), add(2, 1, 4), add(1, 2, 1), add(2, -1, 7);
    const Confusion confusion = confusion_of(images, predicted);
    EXPECT_EQ(confusion.at({0, 0}), 50);
    const std::vector<ConfusedPair> pairs = most_confused(confusion, 10);
    ASSERT_EQ(pairs.size(), 2U);
    EXPECT_EQ(pairs[0].label, 2);
    EXPECT_EQ(pairs[0].other, 1);
    EXPECT_EQ(pairs[0].as_other, 4);
    EXPECT_EQ(pairs[0].as_label, 1);
    EXPECT_EQ(most_confused(confusion, 1).size(), 1U);
}

}  // namespace
}  // namespace thaw
