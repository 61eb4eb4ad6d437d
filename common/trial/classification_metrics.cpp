#include "common/trial/classification_metrics.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace thaw {
namespace {

double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

}  // namespace

std::optional<double> roc_auc(std::span<const double> scores, std::span<const int> labels) {
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
    // Pairs in the right order, counted twice, that half a pair is whole.
    std::int64_t low = 0, high = 0, twice = 0;
    for (std::size_t at = 0; at < order.size();) {
        std::int64_t low_here = 0, high_here = 0;  // of equal scores
        const double score = scores[order[at]];
        for (; at < order.size() && scores[order[at]] == score; ++at) ++(labels[order[at]] == 1 ? high_here : low_here);
        twice += high_here * (2 * low + low_here);
        low += low_here;
        high += high_here;
    }
    if (low == 0 || high == 0) return std::nullopt;
    return static_cast<double>(twice) / (2 * static_cast<double>(low) * static_cast<double>(high));
}

std::vector<ClassScores> scores_by_class(std::span<const int> labels, std::span<const int> predicted, int classes) {
    std::vector<ClassScores> scores(static_cast<std::size_t>(classes));
    std::vector<int> right(scores.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (predicted[i] < 0) continue;
        ++scores[static_cast<std::size_t>(labels[i])].images;
        ++scores[static_cast<std::size_t>(predicted[i])].predicted;
        if (labels[i] == predicted[i]) ++right[static_cast<std::size_t>(labels[i])];
    }
    for (std::size_t i = 0; i < scores.size(); ++i) {
        ClassScores& one = scores[i];
        one.precision = ratio(right[i], one.predicted);
        one.recall = ratio(right[i], one.images);
        one.f1 = ratio(2 * right[i], one.predicted + one.images);
    }
    return scores;
}

ClassScores macro_average(std::span<const ClassScores> scores) {
    ClassScores mean;
    int classes = 0;
    for (const ClassScores& one : scores) {
        if (one.images == 0 && one.predicted == 0) continue;
        ++classes;
        mean.images += one.images;
        mean.predicted += one.predicted;
        mean.precision += one.precision;
        mean.recall += one.recall;
        mean.f1 += one.f1;
    }
    for (double* sum : {&mean.precision, &mean.recall, &mean.f1}) *sum = ratio(*sum, classes);
    return mean;
}

}  // namespace thaw
