// What trials a sweep means: combinations, zips, rules, order, duplicates, defaults.
#include "coordinator/sweep/expand.hpp"

#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "coordinator/sweep/read_loss.hpp"
#include "tests/coordinator/sweep/sweep_fixture.hpp"

namespace thaw {
namespace {

using testing::ElementsAre;

/// One line a trial, with what `describe` says about it.
template <typename Describe>
std::vector<std::string> describe_trials(const Expansion& expansion, Describe describe) {
    std::vector<std::string> lines;
    for (const Trial& trial : expansion.trials) lines.push_back(describe(trial));
    return lines;
}

std::string backbone_freeze(const Trial& trial) {
    return trial.backbone + " " + trial.freeze;
}
std::string backbone_seed(const Trial& trial) {
    return fmt::format("{} {}", trial.backbone, trial.seed);
}

TEST(Expand, TakesEveryDefaultFromTheTrial) {
    const Expansion expansion = expand_text("backbone: resnet50");
    ASSERT_EQ(expansion.trials.size(), 1u);
    Trial usual;
    usual.backbone = "resnet50";
    usual.frozen_layers = usual.cut = 150;
    EXPECT_EQ(to_json(expansion.trials[0]), to_json(usual));
}

TEST(Expand, PutsEveryAxisIntoTheTrial) {
    const Expansion expansion = expand_text(R"(
backbone: resnet50
weights: random
image_size: 96
freeze: 52
head: {pooling: max, dense: [64, 32]}
dropout: [[0.5, 0.25]]
optimizer: {rmsprop: {rho: 0.8, momentum: 0.5, epsilon: 1e-3}}
learning_rate: 3e-5
batch_size: 32
epochs: 3
seed: 7
precision: bf16
)");
    ASSERT_EQ(expansion.trials.size(), 1u);
    Trial trial;
    trial.backbone = "resnet50";
    trial.weights = "random";
    trial.image_size = 96;
    trial.freeze = "52";
    trial.frozen_layers = 52;
    trial.cut = 50;
    trial.head = {Pooling::max, {64, 32}};
    trial.dropout = {0.5, 0.25};
    trial.optimizer = {.kind = OptimizerKind::rmsprop, .momentum = 0.5, .rho = 0.8, .epsilon = 1e-3};
    trial.learning_rate = 3e-5;
    trial.batch_size = 32;
    trial.epochs = 3;
    trial.seed = 7;
    trial.precision = Precision::bfloat16;
    EXPECT_EQ(to_json(expansion.trials[0]), to_json(trial));
}

Expansion expand_folds(const std::string& rest) {
    return expand(parse_sweep({"/sweeps/test.yaml", "data: {folder: photos, split: {folds: 3}}\n" + rest}, kVocabulary),
                  kFakeDepths);
}

TEST(Folds, AreAnAxisOfAllOfThemUnlessTheFileNamesSome) {
    EXPECT_THAT(describe_trials(expand_folds("backbone: resnet50\nseed: [1, 2]"),
                                [](const Trial& trial) { return fmt::format("{} {}", trial.seed, fold_name(trial)); }),
                ElementsAre("1 1/3", "1 2/3", "1 3/3", "2 1/3", "2 2/3", "2 3/3"));
    EXPECT_THAT(describe_trials(expand_folds("backbone: resnet50\nfold: [3, 1]"), fold_name),
                ElementsAre("3/3", "1/3"));
    EXPECT_THAT(describe_trials(expand_folds("backbone: resnet50\nexclude: [{fold: 2}]"), fold_name),
                ElementsAre("1/3", "3/3"));
    EXPECT_THAT(describe_trials(expand_text("backbone: resnet50"), fold_name), ElementsAre("none"));
}

TEST(Folds, OfARandomSearchAreAllTrainedForEveryDraw) {
    const std::string search = "backbone: resnet50\nlearning_rate: {log_uniform: [1e-4, 1e-2]}\nsearch: {random: ";
    const auto rate_fold = [](const Trial& trial) {
        return fmt::format("{} {}", trial.learning_rate, fold_name(trial));
    };
    const Expansion expansion = expand_folds(search + "{trials: 4}}");
    ASSERT_EQ(expansion.trials.size(), 4u * 3u);
    std::set<std::string> distinct;
    for (const std::string& line : describe_trials(expansion, rate_fold)) distinct.insert(line);
    EXPECT_EQ(distinct.size(), 12u);
    for (std::size_t i = 0; i < 12; ++i)
        EXPECT_EQ(expansion.trials[i].learning_rate, expansion.trials[i / 3 * 3].learning_rate);
    // The draws are those of a search without folds.
    const Expansion plain = expand_text(search + "{trials: 4}}");
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(plain.trials[i].learning_rate, expansion.trials[3 * i].learning_rate);
}

TEST(Expand, CombinesAxesInTheOrderOfTheFileTheLastOneFastest) {
    EXPECT_THAT(describe_trials(expand_text("backbone: [resnet50, alexnet]\nseed: [2, 1]"), backbone_seed),
                ElementsAre("resnet50 2", "resnet50 1", "alexnet 2", "alexnet 1"));
    EXPECT_THAT(describe_trials(expand_text("seed: [2, 1]\nbackbone: [resnet50, alexnet]"), backbone_seed),
                ElementsAre("resnet50 2", "alexnet 2", "resnet50 1", "alexnet 1"));
}

TEST(Expand, RepeatsADropoutRateForEachHiddenLayer) {
    const Expansion expansion = expand_text("backbone: alexnet\nhead: [128, 256-128-64]\ndropout: 0.5");
    EXPECT_THAT(expansion.trials[0].dropout, ElementsAre(0.5));
    EXPECT_THAT(expansion.trials[1].dropout, ElementsAre(0.5, 0.5, 0.5));
}

TEST(Expand, MergesWhatDiffersOnlyInTheDropoutOfAHeadWithoutHiddenLayers) {
    const Expansion expansion = expand_text("backbone: alexnet\nhead: [none, '128']\ndropout: [0.2, 0.5, [0.2]]");
    EXPECT_THAT(
        describe_trials(expansion, [](const Trial& t) { return head_name(t.head) + " " + dropout_name(t.dropout); }),
        ElementsAre("none 0", "128 0.2", "128 0.5"));
    EXPECT_EQ(expansion.merged, 3u);  // two of none, and [0.2] of 128
}

TEST(Expand, MergesTwoSpellingsOfOneFreezeDepthAndKeepsTheFirst) {
    const Expansion expansion = expand_text("backbone: [resnet50, alexnet]\nfreeze: [all, features.3, '20', none]");
    EXPECT_THAT(describe_trials(expansion, backbone_freeze),
                ElementsAre("resnet50 all", "resnet50 features.3", "resnet50 none", "alexnet all", "alexnet none"));
    EXPECT_EQ(expansion.merged, 3u);
}

TEST(Expand, CountsFreezeDepthsWithinTheBaseThatUntilLeaves) {
    const auto words = [](const Trial& t) { return fmt::format("{} {} {}", t.until, t.base_layers, t.frozen_layers); };
    const Expansion expansion =
        expand_text("backbone: alexnet\nuntil: [none, features.1, features.3]\nfreeze: [all, features.1, 50%]");
    EXPECT_THAT(describe_trials(expansion, words),
                ElementsAre(" 0 20", " 0 10", "features.1 10 10", "features.1 10 5"));
    EXPECT_EQ(expansion.merged, 5u);  // features.3 is the last block; 50% and features.1, all and features.1 are equal
    EXPECT_THROW(expand_text("backbone: alexnet\nuntil: features.1\nfreeze: 15"), UserError);
}

std::string class_complaint(const std::string& axes, const std::vector<std::string>& classes) {
    const Sweep sweep = sweep_of("backbone: alexnet\n" + axes);
    try {
        check_classes(sweep, expand(sweep, kFakeDepths).trials, classes);
    } catch (const UserError& error) {
        return error.what();
    }
    return "";
}

TEST(CheckClasses, SaysWhereAClassIsUnknownOrALossDoesNotFit) {
    const std::vector<std::string> two = {"cat", "dog"}, three = {"cat", "dog", "owl"};
    const std::string weights = "class_weights: [balanced, {cat: 2, dgo: 1}]";
    EXPECT_THAT(class_complaint(weights, two), testing::StartsWith("/sweeps/test.yaml:3:27: "));
    EXPECT_THAT(class_complaint(weights, two), testing::HasSubstr("no class 'dgo' (did you mean 'dog'?)"));
    EXPECT_EQ(class_complaint("class_weights: [balanced, {cat: 2}]", two), "");
    const std::string loss = "loss: [categorical_crossentropy, binary_crossentropy]";
    EXPECT_EQ(class_complaint(loss, two), "");
    EXPECT_THAT(class_complaint(loss, three), testing::StartsWith("/sweeps/test.yaml:3:34: "));
    EXPECT_THAT(class_complaint(loss, three), testing::HasSubstr("for two classes, but /sweeps/photos has 3"));
    EXPECT_EQ(class_complaint(loss + "\nexclude: [{loss: binary_crossentropy}]", three), "");
}

TEST(Expand, MergesWhatDiffersOnlyInTheModeOfNoTrainedBatchNorm) {
    const auto all = [](const Trial& t) { return t.backbone + " " + t.freeze + " " + word_of(t.batch_norm); };
    const Expansion both = expand_text(
        "backbone: [alexnet, resnet50]\nfreeze: ['100%', all, '145']\nbatch_norm: [inference, train]\nexclude: "
        "[{backbone: "
        "alexnet, freeze: '145'}]");
    EXPECT_THAT(describe_trials(both, all), ElementsAre("alexnet 100% train", "resnet50 100% train",
                                                        "resnet50 145 inference", "resnet50 145 train"));
    EXPECT_EQ(both.merged, 6u);
}

TEST(Expand, MergesWhatDiffersOnlyInThePrecisionOfNoLayers) {
    const auto freeze_precision = [](const Trial& t) { return t.freeze + " " + to_string(t.precision); };
    const Expansion both =
        expand_text("backbone: alexnet\nfreeze: [none, '1', all]\nprecision: [bf16, fp32]\nseed: [1, 2]");
    EXPECT_THAT(describe_trials(both, freeze_precision), ElementsAre("none fp32", "none fp32", "1 fp32", "1 fp32",
                                                                     "all bf16", "all bf16", "all fp32", "all fp32"));
    EXPECT_EQ(both.merged, 4u);
    EXPECT_THAT(
        describe_trials(expand_text("backbone: alexnet\nfreeze: [none, all]\nprecision: bf16"), freeze_precision),
        ElementsAre("none fp32", "all bf16"));
}

TEST(Expand, MergesEqualValuesHoweverTheyAreWritten) {
    const Expansion expansion =
        expand_text("backbone: alexnet\nlearning_rate: [1e-4, 0.0001, 1.0E-04]\nhead: [256-128, [256, 128]]");
    EXPECT_EQ(expansion.trials.size(), 1u);
    EXPECT_EQ(expansion.merged, 5u);
}

TEST(Expand, KeepsTrialsApartThatDifferInAnyAxis) {
    const Expansion expansion = expand_text(R"(
backbone: [alexnet, resnet50]
weights: [imagenet, random]
image_size: [96, 224]
freeze: [all, none]
head: ["128", {pooling: max, dense: 128}]
dropout: [0, 0.5]
optimizer: [sgd, {sgd: {nesterov: true}}]
learning_rate: [1e-4, 1.0000000000000002e-4]
batch_size: [1, 2]
epochs: [1, 2]
seed: [1, 2]
precision: [fp32, bf16]
)");
    std::set<std::string> ids;
    for (const Trial& trial : expansion.trials) ids.insert(trial_id(trial, trial.weights));
    EXPECT_EQ(expansion.trials.size(), 3072u);
    EXPECT_EQ(ids.size(), 3072u);
    EXPECT_EQ(expansion.merged, 1024u);  // without frozen layers there is one precision
}

TEST(Zip, AdvancesItsAxesTogether) {
    const Expansion expansion =
        expand_text("backbone: [resnet50, alexnet]\nseed: [1, 2]\nfreeze: [50, all]\nzip: [[backbone, freeze]]");
    EXPECT_THAT(describe_trials(expansion,
                                [](const Trial& t) { return fmt::format("{} {} {}", t.backbone, t.seed, t.freeze); }),
                ElementsAre("resnet50 1 50", "resnet50 2 50", "alexnet 1 all", "alexnet 2 all"));
}

TEST(Zip, OfSeveralGroupsCombinesTheGroups) {
    const Expansion expansion = expand_text(R"(
backbone: [resnet50, alexnet]
freeze: [50, all]
learning_rate: [1e-3, 1e-4, 1e-5]
epochs: [2, 4, 8]
zip: [[freeze, backbone], [epochs, learning_rate]]
)");
    EXPECT_EQ(expansion.trials.size(), 6u);
    for (const Trial& trial : expansion.trials) {
        EXPECT_EQ(trial.freeze, trial.backbone == "alexnet" ? "all" : "50");
        EXPECT_EQ(trial.epochs, trial.learning_rate == 1e-3 ? 2 : trial.learning_rate == 1e-4 ? 4 : 8);
    }
}

TEST(Exclude, DropsWhatMatchesAllOfARuleAndCountsIt) {
    const Expansion expansion = expand_text(
        "backbone: [resnet50, alexnet]\nseed: [1, 2, 3]\nexclude:\n  - {backbone: alexnet, seed: [1, 3]}\n");
    EXPECT_THAT(describe_trials(expansion, backbone_seed),
                ElementsAre("resnet50 1", "resnet50 2", "resnet50 3", "alexnet 2"));
    EXPECT_EQ(expansion.excluded, 2u);
}

TEST(Exclude, SparesAnUnresolvableFreezeFromBeingResolved) {
    const std::string axes = "backbone: [resnet50, alexnet]\nfreeze: [50, all]\n";
    EXPECT_THROW(expand_text(axes), UserError);
    EXPECT_THAT(describe_trials(expand_text(axes + "exclude: [{backbone: alexnet, freeze: 50}]"), backbone_freeze),
                ElementsAre("resnet50 50", "resnet50 all", "alexnet all"));
}

TEST(When, ReplacesTheValuesOfAnAxisWhereItMatches) {
    const Expansion expansion = expand_text(
        "backbone: [resnet50, alexnet]\nfreeze: [50, none]\nwhen:\n  - {if: {backbone: alexnet}, then: {freeze: "
        "all}}\n");
    EXPECT_THAT(describe_trials(expansion, backbone_freeze),
                ElementsAre("resnet50 50", "resnet50 none", "alexnet all"));
    EXPECT_EQ(expansion.merged, 0u);
}

TEST(When, MayReplaceTheAxisItAsksAbout) {
    const Expansion expansion =
        expand_text("backbone: alexnet\nseed: [1, 2, 3]\nwhen:\n  - {if: {seed: [2, 3]}, then: {seed: [4, 5]}}\n");
    EXPECT_THAT(describe_trials(expansion, backbone_seed), ElementsAre("alexnet 1", "alexnet 4", "alexnet 5"));
}

TEST(When, MayGiveValuesToAnAxisTheFileLeavesOut) {
    const Expansion expansion =
        expand_text("backbone: [resnet50, alexnet]\nwhen:\n  - {if: {backbone: alexnet}, then: {seed: [1, 2]}}\n");
    EXPECT_THAT(describe_trials(expansion, backbone_seed), ElementsAre("resnet50 1", "alexnet 1", "alexnet 2"));
}

TEST(When, TakesAnAxisOutOfItsZipWhereItMatches) {
    const Expansion expansion = expand_text(R"(
backbone: [resnet50, alexnet]
freeze: [50, all]
zip: [[backbone, freeze]]
when:
  - {if: {backbone: resnet50}, then: {freeze: [10, 20]}}
)");
    EXPECT_THAT(describe_trials(expansion, backbone_freeze), ElementsAre("resnet50 10", "resnet50 20", "alexnet all"));
}

TEST(When, AppliesRulesOneAfterTheOtherAndExcludesLast) {
    const Expansion expansion = expand_text(R"(
backbone: [resnet50, alexnet]
exclude:
  - {seed: 30}
when:
  - {if: {backbone: alexnet}, then: {seed: [10, 20]}}
  - {if: {seed: 20}, then: {seed: [30, 40]}}
)");
    EXPECT_THAT(describe_trials(expansion, backbone_seed), ElementsAre("resnet50 1", "alexnet 10", "alexnet 40"));
}

/// The definition, point by point, against the boxes of the real thing.
TEST(Rules, MeanForBoxesWhatTheyMeanForPoints) {
    const std::string axes = "backbone: alexnet\nseed: [0, 1, 2, 3, 4]\nepochs: [1, 2, 3, 4]\nbatch_size: [1, 2, 3]\n";
    const Expansion expansion = expand_text(axes + R"(
when:
  - {if: {seed: [1, 2], epochs: [2, 3]}, then: {batch_size: [7, 8]}}
  - {if: {batch_size: [7, 2], seed: [2, 3]}, then: {epochs: [9]}}
exclude:
  - {seed: [0, 2], epochs: [1, 9], batch_size: [1, 7]}
  - {epochs: 4, batch_size: 3}
)");
    using Triple = std::array<int, 3>;
    std::set<Triple> points, next;
    for (int seed = 0; seed < 5; ++seed)
        for (int epochs = 1; epochs < 5; ++epochs)
            for (int batch = 1; batch < 4; ++batch) points.insert({seed, epochs, batch});
    for (const auto& [s, e, b] : points)
        for (const int batch : {7, 8}) next.insert({s, e, (s == 1 || s == 2) && (e == 2 || e == 3) ? batch : b});
    points.clear();
    for (const auto& [s, e, b] : next) points.insert({s, (b == 7 || b == 2) && (s == 2 || s == 3) ? 9 : e, b});
    std::erase_if(points, [](const Triple& p) {
        const auto [s, e, b] = p;
        return ((s == 0 || s == 2) && (e == 1 || e == 9) && (b == 1 || b == 7)) || (e == 4 && b == 3);
    });
    std::vector<Triple> got;
    for (const Trial& trial : expansion.trials)
        got.push_back({static_cast<int>(trial.seed), trial.epochs, trial.batch_size});
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
    EXPECT_EQ(std::set<Triple>(got.begin(), got.end()), points);
    EXPECT_EQ(got.size(), points.size());
}

/// `count` values for an axis of whole numbers.
std::string numbers(int count) {
    std::string text = "[1";
    for (int i = 2; i <= count; ++i) text += fmt::format(", {}", i);
    return text + "]";
}

TEST(Expand, ResolvesEachFreezeOfABackboneOnce) {
    int calls = 0;
    const Sweep sweep = sweep_of("backbone: [resnet50, alexnet]\nfreeze: [all, none]\nseed: " + numbers(100));
    DepthResolver counting = kFakeDepths;
    counting.freeze = [&](const std::string& backbone, const std::string& freeze, int size, int base_layers) {
        ++calls;
        return fake_freeze(backbone, freeze, size, base_layers);
    };
    const Expansion expansion = expand(sweep, counting);
    EXPECT_EQ(expansion.trials.size(), 400u);
    EXPECT_EQ(calls, 4);
}

TEST(Expand, ACosineWithoutAnEndOfItsOwnEndsWithItsTrial) {
    const auto trials = expand_text(
                            "backbone: alexnet\nepochs: [8, 10]\nschedule: [{cosine: {warm_up: 2}}, {cosine: {over: 6, "
                            "warm_up: 2}}, step]")
                            .trials;
    ASSERT_EQ(trials.size(), 5u) << "with 8 epochs the first two are one";
    std::vector<int> over;
    for (const Trial& trial : trials)
        if (trial.schedule.kind == ScheduleKind::cosine) over.push_back(trial.schedule.over * 100 + trial.epochs);
    EXPECT_THAT(over, testing::UnorderedElementsAre(608, 810, 610));
}

TEST(Expand, TakesMoreThanAMillionTrialsOnlyByForce) {
    const std::string axes = "backbone: alexnet\nseed: " + numbers(1001) + "\nepochs: " + numbers(1000);
    EXPECT_THROW(expand_text(axes), UserError);
    EXPECT_EQ(expand(sweep_of(axes), kFakeDepths, true).trials.size(), 1'001'000u);
    EXPECT_EQ(expand_text(axes + "\nexclude: [{seed: 1}]").trials.size(), 1'000'000u);
}

TEST(Expand, RefusesCountsThatNoMachineHoldsEvenByForce) {
    std::string heads = "head: ['1'";
    for (int i = 2; i < 2000; ++i) heads += fmt::format(", '{}'", i);
    const std::string axes = "seed: " + numbers(20'000) + "\nepochs: " + numbers(20'000) +
                             "\nbatch_size: " + numbers(20'000) + "\n" + heads + "]\nlearning_rate: " + numbers(10) +
                             "\nimage_size: [100, 200, 300, 400]\n";
    try {
        expand(sweep_of("backbone: alexnet\n" + axes), kFakeDepths, true);
        FAIL();
    } catch (const UserError& error) {
        EXPECT_STREQ(error.what(), "/sweeps/test.yaml: more than 100000000 trials; use fewer axes or values");
    }
}

}  // namespace
}  // namespace thaw
