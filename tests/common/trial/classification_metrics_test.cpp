// Metrics beside scikit-learn's and Keras' (golden/make_classification_golden.py).
#include "common/trial/classification_metrics.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/util/atomic_file.hpp"

namespace thaw {
namespace {

constexpr double kTolerance = 1e-14;

nlohmann::json classification_golden(const char* part) {
    const auto path = std::filesystem::path(THAW_SOURCE_DIR) / "tests/common/trial/golden/classification.json";
    return nlohmann::json::parse(read_file(path)).at(part);
}

TEST(ClassificationMetrics, TheAreaUnderTheRocCurveIsScikitLearns) {
    for (const auto& one : classification_golden("roc")) {
        const std::vector<double> scores = one["scores"];
        const std::vector<int> labels = one["labels"];
        const std::optional<double> area = roc_auc(scores, labels);
        ASSERT_EQ(area.has_value(), !one["area"].is_null()) << one;
        if (!area) continue;
        EXPECT_NEAR(*area, one["area"].get<double>(), kTolerance) << one;
    }
    EXPECT_EQ(roc_auc({}, {}), std::nullopt);
}

TEST(ClassificationMetrics, ScoresByClassAreScikitLearns) {
    for (const auto& one : classification_golden("classes")) {
        const std::vector<int> labels = one["labels"], predicted = one["predicted"];
        const auto scores = scores_by_class(labels, predicted, one["classes"]);
        for (std::size_t i = 0; i < scores.size(); ++i) {
            EXPECT_NEAR(scores[i].precision, one["by_class"]["precision"][i].get<double>(), kTolerance);
            EXPECT_NEAR(scores[i].recall, one["by_class"]["recall"][i].get<double>(), kTolerance);
            EXPECT_NEAR(scores[i].f1, one["by_class"]["f1"][i].get<double>(), kTolerance);
            EXPECT_EQ(scores[i].images, one["by_class"]["images"][i].get<double>());
        }
        const ClassScores macro = macro_average(scores);
        EXPECT_NEAR(macro.precision, one["macro"]["precision"].get<double>(), kTolerance);
        EXPECT_NEAR(macro.recall, one["macro"]["recall"].get<double>(), kTolerance);
        EXPECT_NEAR(macro.f1, one["macro"]["f1"].get<double>(), kTolerance);
        EXPECT_EQ(macro.images, std::ssize(labels));
    }
}

TEST(ClassificationMetrics, ImagesThatCouldNotBeReadAreLeftOut) {
    const auto scores = scores_by_class(std::vector{0, 0, 1, 1}, std::vector{0, -1, 1, 0}, 2);
    EXPECT_EQ(scores[0].images, 1);
    EXPECT_EQ(scores[0].predicted, 2);
    EXPECT_EQ(scores[0].recall, 1);
    EXPECT_EQ(scores[0].precision, 0.5);
    EXPECT_EQ(macro_average({}).f1, 0);
}

TEST(ClassificationMetrics, WhoIsAmongTheFiveBestIsKeras) {
    for (const auto& one : classification_golden("top5")) {
        int hits = 0;
        for (std::size_t i = 0; i < one["labels"].size(); ++i) {
            const std::vector<float> scores = one["scores"][i];
            hits += is_among_best<float>(scores, one["labels"][i].get<std::size_t>(), 5) ? 1 : 0;
        }
        EXPECT_EQ(hits, one["hits"].get<int>());
    }
}

}  // namespace
}  // namespace thaw
