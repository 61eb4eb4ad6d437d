// Comparisons image by image: which of two configurations is truly better, and what is taken for what.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "results/report/analysis.hpp"

namespace thaw {

/// What trials take the images of one part for. Empty where the database has none (an older one).
struct ImagePredictions {
    std::vector<ImageRecord> images;
    std::map<std::string, std::vector<int>> by_trial;  // -1: unreadable; kOfAnotherFold

    /// Nothing where there are none of this trial, or not as many as images.
    const std::vector<int>* of(const std::string& trial) const;
};

/// How many of the readable images are taken for what they are.
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
/// "a tie, ..." or "truly better, ...", with the tests by name.
std::string comparison_text(const Comparison& comparison);

/// Readable images by (label, what they are taken for); those that there are.
using Confusion = std::map<std::pair<int, int>, int>;
Confusion confusion_of(const std::vector<ImageRecord>& images, const std::vector<int>& predicted);

/// Two classes, the one with the more mistakes first.
struct ConfusedPair {
    int label = 0, other = 0;
    int as_other = 0, as_label = 0;  // of `label` taken for `other`, and the other way round
};
/// The most confused first.
std::vector<ConfusedPair> most_confused(const Confusion& confusion, std::size_t most);

}  // namespace thaw
