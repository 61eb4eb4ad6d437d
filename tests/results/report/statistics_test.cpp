// Intervals and tests equal scipy's (tests/results/report/golden/statistics.json, made by
// tests/parity/report_statistics.py).
#include "results/report/statistics.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/util/atomic_file.hpp"

namespace thaw {
namespace {

const nlohmann::json& golden() {
    static const auto json =
        nlohmann::json::parse(read_file(THAW_SOURCE_DIR "/tests/results/report/golden/statistics.json"));
    return json;
}

/// To 1e-9 of the number itself, however small it is.
void expect_same(double ours, const nlohmann::json& row, const char* key) {
    const double theirs = row.at(key).get<double>();
    EXPECT_NEAR(ours, theirs, 1e-9 * std::abs(theirs)) << key << " of " << row;
}

TEST(Statistics, WilsonIntervalsAreScipys) {
    for (const auto& row : golden()["wilson"]) {
        const Interval found = wilson_interval(row["correct"], row["total"], row["confidence"]);
        expect_same(found.low, row, "low");
        expect_same(found.high, row, "high");
    }
}

TEST(Statistics, StudentsTailsAndTheirInversesAreScipys) {
    for (const auto& row : golden()["t_two_sided"]) expect_same(t_two_sided(row["t"], row["freedom"]), row, "p");
    for (const auto& row : golden()["t_beyond"]) expect_same(t_beyond(row["p"], row["freedom"]), row, "t");
}

TEST(Statistics, TheIncompleteBetaFunctionIsScipys) {
    for (const auto& row : golden()["incomplete_beta"]) {
        const double x = row["x"];
        expect_same(incomplete_beta(row["a"], row["b"], x, 1 - x), row, "value");
    }
}

TEST(Statistics, PairedDifferencesAreScipys) {
    for (const auto& row : golden()["paired"]) {
        const PairedTest test = paired_t_test(row["values"].get<std::vector<double>>());
        expect_same(test.difference.mean, row, "mean");
        expect_same(test.difference.deviation, row, "deviation");
        expect_same(test.difference.interval.low, row, "low");
        expect_same(test.difference.interval.high, row, "high");
        expect_same(test.p, row, "p");
    }
}

TEST(Statistics, McNemarsTestIsScipysBinomialTest) {
    for (const auto& row : golden()["mcnemar"]) expect_same(mcnemar_exact(row["first"], row["second"]), row, "p");
    EXPECT_EQ(mcnemar_exact(0, 0), 1) << "no pair differs";
}

TEST(Statistics, OneValueHasNoInterval) {
    const PairedTest test = paired_t_test({0.25});
    EXPECT_EQ(test.difference.mean, 0.25);
    EXPECT_TRUE(std::isnan(test.difference.deviation) && std::isnan(test.difference.interval.low) &&
                std::isnan(test.p));
    EXPECT_TRUE(std::isnan(mean_of({}).mean));
}

TEST(Statistics, EqualDifferencesAreCertainWhateverTheirRounding) {
    const PairedTest same = paired_t_test({0.1, 0.1, 0.1});
    EXPECT_EQ(same.difference.deviation, 0);
    EXPECT_EQ(same.difference.interval.low, 0.1);
    EXPECT_EQ(same.p, 0);
    EXPECT_EQ(paired_t_test({0, 0}).p, 1);
}

TEST(Statistics, NoImagesLeaveEveryAccuracyPossible) {
    const Interval all = wilson_interval(0, 0);
    EXPECT_EQ(all.low, 0);
    EXPECT_EQ(all.high, 1);
}

}  // namespace
}  // namespace thaw
