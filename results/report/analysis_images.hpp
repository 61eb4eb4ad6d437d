// Comparisons image by image: which of two configurations is significantly better, and which classes are confused.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "results/report/analysis.hpp"

namespace thaw {

/// Trials' predictions of the images of one part. Empty where the database has none (an older one).
struct ImagePredictions {
    std::vector<ImageRecord> images;
    std::map<std::string, std::vector<int>> by_trial;  // -1: unreadable; kOfAnotherFold

    /// Nothing where there are none of this trial, or not as many as images.
    const std::vector<int>* of(const std::string& trial) const;
};

/// How many of the readable images are predicted correctly.
struct Score {
    int correct = 0, images = 0;
    double accuracy() const { return images > 0 ? static_cast<double>(correct) / images : std::nan(""); }
};
Score score_of(const std::vector<ImageRecord>& images, const std::vector<int>& predicted);

/// One configuration against another, by their trials with the same seeds.
struct Comparison {
    enum class Verdict { better, tie, unknown };
    Verdict verdict = Verdict::unknown;
    int seeds = 0;                        // pairs of trials
    double difference = std::nan("");     // of accuracy: the first one's minus the other's
    PairedTest by_seed;                   // where there are several pairs
    int images = 0;                       // 0 where predictions are missing
    double image_p = std::nan("");        // that the same images part the two so by chance
    int only_first = 0, only_second = 0;  // images that one alone has right; where there is one pair (McNemar)
};
/// Better: every test that is possible gives chance less than 5 %. With one seed that is McNemar's exact test over the
/// images; with several a paired t test over the seeds, and another over the images (each one's share of seeds that
/// have it right), so that neither lucky seeds nor a few lucky images suffice. Unknown: no test is possible, or only
/// that over seeds and all of them differ by the same.
Comparison compare(const Leaderboard& board, const Configuration& first, const Configuration& second,
                   const ImagePredictions& validation);
/// What the other one is against the first: "1.2 points lower, not significant".
std::string verdict_text(const Comparison& comparison);
/// Likewise, with the tests by name and their p values.
std::string comparison_text(const Comparison& comparison);

/// A difference of accuracies in percentage points: "−1.2". Differences that are equal but for rounding look equal.
std::string points_text(double difference);

/// Readable images by (true class, predicted class); those that there are.
using Confusion = std::map<std::pair<int, int>, int>;
Confusion confusion_of(const std::vector<ImageRecord>& images, const std::vector<int>& predicted);

/// Two classes, the one with the more mistakes first.
struct ConfusedPair {
    int label = 0, other = 0;
    int as_other = 0, as_label = 0;  // `label` predicted as `other`, and the other way round
};
/// The most confused first.
std::vector<ConfusedPair> most_confused(const Confusion& confusion, std::size_t most);

}  // namespace thaw
