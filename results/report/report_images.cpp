// The section on single images: the confusion matrix, scores by class, and the misclassified images.
#include <fmt/format.h>

#include <algorithm>

#include "common/util/text.hpp"
#include "results/report/report_sections.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostPhotos = 24, kMostPairs = 12;

/// Images that are predicted as another class than theirs, of the most frequent mistakes first.
std::vector<std::size_t> mistakes(const WinnerImages& winner) {
    const Confusion confusion = confusion_of(*winner.images, *winner.predicted);
    std::vector<std::size_t> wrong;
    const auto classes = [&](std::size_t i) { return std::pair((*winner.images)[i].label, (*winner.predicted)[i]); };
    for (std::size_t i = 0; i < winner.images->size(); ++i)
        if ((*winner.predicted)[i] >= 0 && classes(i).first != classes(i).second) wrong.push_back(i);
    std::stable_sort(wrong.begin(), wrong.end(), [&](std::size_t a, std::size_t b) {
        const int x = confusion.at(classes(a)), y = confusion.at(classes(b));
        return x != y ? x > y : classes(a) < classes(b);
    });
    return wrong;
}

void add_class_scores(Blocks& blocks, const ReportData& data, const WinnerScores& scores) {
    Grid grid{.caption = "Precision, recall and F1 by class",
              .columns = {"class", number("images"), number("predicted as"), number("precision"), number("recall"),
                          number("F1")},
              .rows = {}};
    for (const auto& row : scores.table.rows) {
        std::vector<Grid::Cell>& cells = grid.rows.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) cells.emplace_back(cell_text(row[i], scores.table.columns[i]));
    }
    blocks.push_back(Heading{"Precision, recall and F1 by class"});
    if (scores.left_out > 0)
        blocks.push_back(
            Paragraph{fmt::format("The {} of {} classes with the lowest F1; the average covers all.",
                                  data.sweep.classes.size() - scores.left_out, data.sweep.classes.size())});
    blocks.push_back(grid);
}

void add_confused_pairs(Blocks& blocks, const ReportData& data, const WinnerImages& winner) {
    Grid grid{.caption = "Most confused classes",
              .columns = {"class A", "class B", number("A predicted as B"), number("B predicted as A")},
              .rows = {}};
    auto pairs = most_confused(confusion_of(*winner.images, *winner.predicted), std::string::npos);
    grid.total = pairs.size();
    pairs.resize(std::min(kMostPairs, pairs.size()));
    for (const ConfusedPair& pair : pairs)
        grid.rows.push_back({class_name(data, pair.label), class_name(data, pair.other),
                             fmt::format("{}", pair.as_other), fmt::format("{}", pair.as_label)});
    if (grid.rows.empty()) {
        blocks.push_back(Paragraph{"No image is misclassified.", ""});
        return;
    }
    blocks.push_back(Heading{"Most confused classes"});
    blocks.push_back(grid);
}

void add_photos(Blocks& blocks, const ReportData& data, const WinnerImages& winner) {
    const std::vector<std::size_t> wrong = mistakes(winner);
    if (wrong.empty()) return;
    blocks.push_back(Heading{"Misclassified images"});
    if (wrong.size() > kMostPhotos)
        blocks.push_back(
            Paragraph{fmt::format("{} of {}, the most frequent confusions first.", kMostPhotos, wrong.size())});
    Photos photos;
    for (std::size_t i = 0; i < std::min(kMostPhotos, wrong.size()); ++i) {
        const ImageRecord& image = (*winner.images)[wrong[i]];
        photos.photos.push_back({std::filesystem::path(data.sweep.data_folder) / image.path, image.path,
                                 fmt::format("{} predicted as {}", class_name(data, image.label),
                                             class_name(data, (*winner.predicted)[wrong[i]]))});
    }
    blocks.push_back(photos);
}

/// Which one it is: the headline is a mean, these are the images of one trial.
std::string trial_text(const ReportData& data) {
    const RankedTrial& trial = data.winning_trial();
    const int count = data.winner()->accuracy.count;
    if (count < 2) return "Trial " + trial.id;
    const bool best = trial.id == data.first_trial(*data.winner()).id;
    return fmt::format("Trial {} (seed {}), {} of the {} whose mean validation accuracy is {}", trial.id,
                       axis_text(trial.axes, kSeedAxis), best ? "the best" : "one", counted(count, "trial"),
                       percent(data.winner()->accuracy.mean));
}

}  // namespace

Blocks images_section(const ReportData& data) {
    if (data.analysis.configurations.empty()) return {};
    const auto winner = winner_images(data);
    if (!winner)
        return {Paragraph{
            "The database has no predictions of the best trial (an older version of thaw ran it), so there is no "
            "confusion matrix and no test over images."}};
    const Score score = score_of(*winner->images, *winner->predicted);
    const auto unreadable = std::count(winner->predicted->begin(), winner->predicted->end(), -1);
    Blocks blocks = {
        Paragraph{fmt::format("{}: {} of {} {} images correct ({}){}.", trial_text(data), score.correct, score.images,
                              winner->part, percent(score.accuracy()),
                              unreadable > 0 ? fmt::format("; {} more could not be read", unreadable) : ""),
                  ""}};
    const std::size_t classes = data.sweep.classes.size(), images = winner->images->size();
    if (const auto map = confusion_map(data)) {
        blocks.push_back(Heading{"Confusion matrix (true / predicted)"});
        blocks.push_back(*map);
    } else if (classes > 0) {
        blocks.push_back(
            Paragraph{fmt::format("No confusion matrix: {} of {}.", counted(static_cast<std::int64_t>(images), "image"),
                                  classes == 1 ? "1 class" : fmt::format("{} classes", classes))});
    }
    if (const auto scores = winner_scores(data)) add_class_scores(blocks, data, *scores);
    add_confused_pairs(blocks, data, *winner);
    add_photos(blocks, data, *winner);
    return blocks;
}

}  // namespace thaw
