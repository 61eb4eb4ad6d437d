// The section on single images: what the winner takes for what, and the photos that it takes wrongly.
#include <fmt/format.h>

#include <algorithm>

#include "common/util/text.hpp"
#include "results/report/report_sections.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostPhotos = 24, kMostPairs = 12;

/// Images that are taken for another class than theirs, of the most frequent mistakes first.
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

void add_class_scores(Blocks& blocks, const WinnerScores& scores) {
    Grid grid{.caption = "Precision, recall and F1 of each class",
              .columns = {"class", number("images"), number("taken for it"), number("precision"), number("recall"),
                          number("F1")},
              .rows = {}};
    for (const auto& row : scores.table.rows) {
        std::vector<Grid::Cell>& cells = grid.rows.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) cells.emplace_back(cell_text(row[i], scores.table.columns[i]));
    }
    blocks.push_back(Heading{"Precision and recall of each class"});
    if (scores.left_out > 0)
        blocks.push_back(
            Paragraph{fmt::format("The classes with the lowest F1; {} more are in the average.", scores.left_out)});
    blocks.push_back(grid);
}

void add_confused_pairs(Blocks& blocks, const ReportData& data, const WinnerImages& winner) {
    Grid grid{.caption = "Most confused classes",
              .columns = {"class", "and", number("first taken for second"), number("second for first")},
              .rows = {}};
    for (const ConfusedPair& pair : most_confused(confusion_of(*winner.images, *winner.predicted), kMostPairs))
        grid.rows.push_back({class_name(data, pair.label), class_name(data, pair.other),
                             fmt::format("{}", pair.as_other), fmt::format("{}", pair.as_label)});
    if (grid.rows.empty()) {
        blocks.push_back(Paragraph{"No image was taken for another class.", ""});
        return;
    }
    blocks.push_back(Heading{"Most confused"});
    blocks.push_back(grid);
}

void add_photos(Blocks& blocks, const ReportData& data, const WinnerImages& winner) {
    const std::vector<std::size_t> wrong = mistakes(winner);
    if (wrong.empty()) return;
    blocks.push_back(Heading{"Photos taken for something else"});
    if (wrong.size() > kMostPhotos)
        blocks.push_back(
            Paragraph{fmt::format("{} of {}, of the most frequent mistakes first.", kMostPhotos, wrong.size())});
    Photos photos;
    for (std::size_t i = 0; i < std::min(kMostPhotos, wrong.size()); ++i) {
        const ImageRecord& image = (*winner.images)[wrong[i]];
        photos.photos.push_back({std::filesystem::path(data.sweep.data_folder) / image.path, image.path,
                                 fmt::format("{} taken for {}", class_name(data, image.label),
                                             class_name(data, (*winner.predicted)[wrong[i]]))});
    }
    blocks.push_back(photos);
}

}  // namespace

Blocks images_section(const ReportData& data) {
    if (data.analysis.configurations.empty()) return {};
    const auto winner = winner_images(data);
    if (!winner)
        return {
            Paragraph{"The database has no predictions of the winner's, as of runs by older versions: no "
                      "confusions, photos and tests image by image."}};
    const Score score = score_of(*winner->images, *winner->predicted);
    const auto unreadable = std::count(winner->predicted->begin(), winner->predicted->end(), -1);
    Blocks blocks = {Paragraph{
        fmt::format("Trial {}: {} of {} {} images right{}.", data.winning_trial().id, score.correct, score.images,
                    winner->part, unreadable > 0 ? fmt::format("; {} more could not be read", unreadable) : ""),
        ""}};
    if (const auto map = confusion_map(data)) blocks.push_back(*map);
    if (const auto scores = winner_scores(data)) add_class_scores(blocks, *scores);
    add_confused_pairs(blocks, data, *winner);
    add_photos(blocks, data, *winner);
    return blocks;
}

}  // namespace thaw
