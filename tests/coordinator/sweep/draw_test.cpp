// Random search: what is drawn, from which distribution, and what leaves earlier draws as they were.
#include "coordinator/sweep/draw.hpp"

#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "coordinator/sweep/distribution.hpp"
#include "tests/coordinator/sweep/sweep_fixture.hpp"

namespace thaw {
namespace {

using testing::Each;
using testing::ElementsAre;

const std::string kAnyBackbone = "backbone: mobilenet_v2\n";
const std::string kManySeeds = "seed: {uniform: [0, 1000000000]}\n";  // so that no draw is repeated

std::string drawing(int trials, int seed = 1) {
    return fmt::format("search: {{random: {{trials: {}, seed: {}}}}}\n", trials, seed);
}

template <typename Describe>
auto describe_drawn(const std::string& text, Describe describe) {
    std::vector<std::decay_t<decltype(describe(Trial()))>> values;
    for (const Trial& trial : expand_text(text).trials) values.push_back(describe(trial));
    return values;
}

double rate_of(const Trial& trial) {
    return trial.learning_rate;
}

/// The largest distance between the values' distribution and the one given: Kolmogorov and Smirnov's statistic.
template <typename Distribution>
double distance(std::vector<double> values, Distribution cumulative) {
    std::sort(values.begin(), values.end());
    double largest = 0;
    const auto n = static_cast<double>(values.size());
    for (std::size_t first = 0; first < values.size();) {
        std::size_t last = first;
        while (last < values.size() && values[last] == values[first]) ++last;
        largest = std::max(largest, std::abs(cumulative(values[first]) - static_cast<double>(last) / n));
        first = last;
    }
    return largest;
}

/// Exceeded by one in a hundred samples of the right distribution (and less often where that has steps).
double bound(std::size_t samples) {
    return 1.628 / std::sqrt(static_cast<double>(samples));
}

TEST(Draw, GivesAsManyDistinctTrialsAsAskedFor) {
    const std::string text = kAnyBackbone +
                             "freeze: [all, none, features.3]\nhead: [none, 128]\ndropout: [0.2, 0.5]\n" +
                             "learning_rate: {log_uniform: [1e-5, 1e-2]}\n" + drawing(500);
    const Expansion expansion = expand_text(text);
    std::set<std::string> ids;
    for (const Trial& trial : expansion.trials) ids.insert(trial_id(trial, ""));
    EXPECT_EQ(expansion.trials.size(), 500u);
    EXPECT_EQ(ids.size(), 500u);
}

TEST(Draw, DependsOnTheSearchsSeedAlone) {
    const std::string axes = kAnyBackbone + "learning_rate: {log_uniform: [1e-5, 1e-2]}\n";
    EXPECT_EQ(describe_drawn(axes + drawing(20), rate_of), describe_drawn(axes + drawing(20), rate_of));
    EXPECT_EQ(describe_drawn(axes + drawing(20), rate_of),
              describe_drawn(axes + "search: {random: {trials: 20}}", rate_of));
    EXPECT_NE(describe_drawn(axes + drawing(20), rate_of), describe_drawn(axes + drawing(20, 2), rate_of));
}

TEST(Draw, KeepsEarlierDrawsWhenMoreAreAskedFor) {
    const std::string axes = kAnyBackbone + "learning_rate: {uniform: [0.1, 0.2]}\nepochs: [2, 4]\n";
    const auto point = [](const Trial& trial) { return std::pair(trial.learning_rate, trial.epochs); };
    const auto few = describe_drawn(axes + drawing(50), point), many = describe_drawn(axes + drawing(190), point);
    EXPECT_EQ(few, decltype(many)(many.begin(), many.begin() + 50));
}

TEST(Draw, KeepsTheOtherAxesValuesWhenAnAxisIsAddedOrMoved) {
    const std::string rate = "learning_rate: {log_uniform: [1e-5, 1e-2]}\n", rest = kAnyBackbone + kManySeeds;
    const auto before = describe_drawn(rest + rate + drawing(100), rate_of);
    EXPECT_EQ(before,
              describe_drawn(rest + rate + "dropout: {uniform: [0, 0.7]}\nhead: [none, 64]\n" + drawing(100), rate_of));
    EXPECT_EQ(before, describe_drawn(rate + rest + drawing(100), rate_of));
}

TEST(Draw, FollowsTheUniformDistribution) {
    const auto rates =
        describe_drawn(kAnyBackbone + kManySeeds + "learning_rate: {uniform: [0.2, 0.7]}\n" + drawing(4000), rate_of);
    // Rounding to three digits moves a value by 0.0005 at most, a thousandth of the range.
    EXPECT_LT(distance(rates, [](double x) { return (x - 0.2) / 0.5; }), bound(rates.size()) + 0.001);
}

TEST(Draw, FollowsTheLogUniformDistribution) {
    const auto rates = describe_drawn(
        kAnyBackbone + kManySeeds + "learning_rate: {log_uniform: [1e-5, 1e-2]}\n" + drawing(4000), rate_of);
    // Rounding moves a value by half a percent at most: log(1.005) / log(1000) of the range.
    EXPECT_LT(distance(rates, [](double x) { return std::log(x / 1e-5) / std::log(1000); }),
              bound(rates.size()) + 0.0008);
}

TEST(Draw, FollowsTheUniformDistributionOfWholeNumbersBothEndsIncluded) {
    const auto epochs = describe_drawn(kAnyBackbone + kManySeeds + "epochs: {uniform: [3, 9]}\n" + drawing(4000),
                                       [](const Trial& trial) { return static_cast<double>(trial.epochs); });
    EXPECT_LT(distance(epochs, [](double x) { return (x - 2) / 7; }), bound(epochs.size()));
    EXPECT_EQ(std::set<double>(epochs.begin(), epochs.end()), (std::set<double>{3, 4, 5, 6, 7, 8, 9}));
}

TEST(Draw, RoundsTheLogUniformDistributionToWholeNumbers) {
    const auto sizes =
        describe_drawn(kAnyBackbone + kManySeeds + "batch_size: {log_uniform: [4, 256]}\n" + drawing(4000),
                       [](const Trial& trial) { return static_cast<double>(trial.batch_size); });
    const auto cumulative = [](double x) { return std::min(1.0, std::log((x + 0.5) / 4) / std::log(64)); };
    EXPECT_LT(distance(sizes, cumulative), bound(sizes.size()));
    EXPECT_THAT(sizes, Each(testing::AllOf(testing::Ge(4), testing::Le(256))));
}

TEST(Draw, TakesEachChoiceEquallyOften) {
    for (const char* heads : {"[none, 32, 64, 128]", "{choice: [none, 32, 64, 128]}"}) {
        const auto widths = describe_drawn(
            kAnyBackbone + kManySeeds + "head: " + heads + "\n" + drawing(4000),
            [](const Trial& t) { return t.head.widths.empty() ? 0.0 : std::log2(t.head.widths[0]) - 4; });
        EXPECT_LT(distance(widths, [](double x) { return (x + 1) / 4; }), bound(widths.size()));
    }
}

TEST(Draw, DrawsAxesIndependently) {
    double products = 0, rates = 0, dropouts = 0;
    const auto trials = expand_text(kAnyBackbone + "head: 64\nlearning_rate: {uniform: [0.0001, 1]}\n" +
                                    "dropout: {uniform: [0, 0.999]}\n" + drawing(4000))
                            .trials;
    for (const Trial& trial : trials) {
        products += (trial.learning_rate - 0.5) * (trial.dropout.at(0) - 0.5);
        rates += trial.learning_rate - 0.5;
        dropouts += trial.dropout.at(0) - 0.5;
    }
    const double n = 4000, correlation = 12 * (products / n - rates / n * dropouts / n);
    EXPECT_LT(std::abs(correlation), 2.6 / std::sqrt(n));  // one in a hundred independent samples exceeds it
}

TEST(Draw, RoundsToThreeDigitsWithinTheRange) {
    const Distribution range{Distribution::log_uniform, 1.2345e-5, 1.2355e-5, {}};
    EXPECT_EQ(draw(range, 0), Setting(1.2345e-5));  // not 1.23e-5
    for (const double rate :
         describe_drawn(kAnyBackbone + "learning_rate: {log_uniform: [1e-5, 1e-2]}\n" + drawing(200), rate_of))
        EXPECT_EQ(fmt::format("{}", rate), fmt::format("{:.3g}", rate));
}

TEST(Draw, ReachesBothEndsOfTheWidestRange) {
    const Distribution all{Distribution::uniform, std::int64_t{0}, INT64_MAX, {}};
    EXPECT_EQ(draw(all, 0), Setting(std::int64_t{0}));
    EXPECT_EQ(draw(all, UINT64_MAX), Setting(std::int64_t{INT64_MAX}));
    const Distribution logarithmic{Distribution::log_uniform, std::int64_t{1}, INT64_MAX, {}};
    EXPECT_EQ(draw(logarithmic, 0), Setting(std::int64_t{1}));
    EXPECT_NO_THROW(draw(logarithmic, UINT64_MAX));
}

TEST(Draw, DrawsZippedAxesTogether) {
    const std::string text = R"(
backbone: [resnet50, alexnet]
freeze: [50, all]
zip: [[freeze, backbone]]
)";
    const auto pairs = describe_drawn(kManySeeds + text + drawing(100),
                                      [](const Trial& trial) { return trial.backbone + " " + trial.freeze; });
    EXPECT_EQ(std::set<std::string>(pairs.begin(), pairs.end()), (std::set<std::string>{"resnet50 50", "alexnet all"}));
}

TEST(Draw, AppliesRulesToWhatIsDrawn) {
    const Expansion expansion = expand_text(kManySeeds + R"(
backbone: [resnet50, alexnet]
epochs: {uniform: [1, 10]}
learning_rate: {log_uniform: [1e-5, 1e-2]}
when:
  - {if: {backbone: alexnet}, then: {freeze: [10, none], learning_rate: 0.5}}
exclude:
  - {backbone: resnet50, epochs: [1, 2, 3, 4, 5]}
)" + drawing(400));
    std::set<std::string> freezes;
    std::set<int> epochs;
    for (const Trial& trial : expansion.trials) {
        EXPECT_EQ(trial.learning_rate == 0.5, trial.backbone == "alexnet");
        if (trial.backbone == "alexnet") freezes.insert(trial.freeze);
        if (trial.backbone == "resnet50") epochs.insert(trial.epochs);
    }
    EXPECT_THAT(freezes, ElementsAre("10", "none"));
    EXPECT_THAT(epochs, ElementsAre(6, 7, 8, 9, 10));
    EXPECT_EQ(expansion.trials.size(), 400u);
    EXPECT_NEAR(static_cast<double>(expansion.excluded), 400.0 / 3, 40);  // a quarter of all draws
}

TEST(Draw, FindsEveryTrialOfASpaceThatIsExactlyAsLarge) {
    const std::string text = kAnyBackbone + "seed: {uniform: [1, 500]}\nepochs: [1, 2, 3, 4, 5, 6, 7, 8]\n" +
                             "exclude: [{seed: 7, epochs: 8}]\n";
    std::set<std::pair<std::uint64_t, int>> points;
    for (const Trial& trial : expand_text(text + drawing(3999)).trials) points.emplace(trial.seed, trial.epochs);
    EXPECT_EQ(points.size(), 3999u);
    EXPECT_FALSE(points.contains({7, 8}));
    EXPECT_THROW(expand_text(text + drawing(4000)), UserError);
}

TEST(Draw, TakesASearchWithoutRandomForTheWholeGrid) {
    const std::string text = kAnyBackbone + "epochs: [10, 20]\nseed: [1, 2]\nsearch: ";
    const Sweep halving = sweep_of(text + "{asha: {reduction_factor: 4}}");
    EXPECT_EQ(std::get<Halving>(halving.search.stopping).reduction_factor, 4);
    EXPECT_EQ(std::get<Halving>(halving.search.stopping).first_rung, 1);
    EXPECT_EQ(expand(halving, kFakeDepths).trials.size(), 4u);
    const Sweep both = sweep_of(text + "{median: {grace: 2, every: 3}, random: {trials: 2}}");
    EXPECT_EQ(std::get<MedianStopping>(both.search.stopping).grace, 2);
    EXPECT_EQ(std::get<MedianStopping>(both.search.stopping).every, 3);
    EXPECT_EQ(expand(both, kFakeDepths).trials.size(), 2u);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(sweep_of(kAnyBackbone).search.stopping));
}

}  // namespace
}  // namespace thaw
