// How right a classifier is, beyond accuracy: the area under the ROC curve; precision, recall and F1 of each class.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace thaw {

/// The area under the ROC curve, by the trapezoidal rule, of scores that are to be high where the label is 1 and low
/// where it is 0: how often a pair of the two is in the right order, equal scores counting half (Fawcett 2006, An
/// introduction to ROC analysis); scikit-learn's roc_auc_score. Nothing where there is one label alone. Scores are
/// numbers, or infinite.
std::optional<double> roc_auc(std::span<const double> scores, std::span<const int> labels);

/// Whether less than `most` of the scores are greater than the label's, as Keras' TopKCategoricalAccuracy counts it: of
/// equal ones at the border all are in.
template <typename Scalar>
bool is_among_best(std::span<const Scalar> scores, std::size_t label, int most) {
    return std::ranges::count_if(scores, [&](Scalar score) { return score > scores[label]; }) < most;
}

/// Of one class. What would be divided by zero is 0, as scikit-learn's precision_recall_fscore_support has it.
struct ClassScores {
    int images = 0;        // that show it: scikit-learn's support
    int predicted = 0;     // that are taken for it
    double precision = 0;  // how many of those taken for it show it
    double recall = 0;     // how many of those that show it are taken for it
    double f1 = 0;         // their harmonic mean
};

/// One row a class, of images whose prediction is not negative (those could be read).
std::vector<ClassScores> scores_by_class(std::span<const int> labels, std::span<const int> predicted, int classes);

/// The plain mean over the classes that are shown or predicted at all, as scikit-learn's `average='macro'`; images are
/// summed up.
ClassScores macro_average(std::span<const ClassScores> scores);

}  // namespace thaw
