// Which charts a sweep's data gives: for the page and as files for a paper.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/report/report_charts.hpp"
#include "results/report/report_data.hpp"

namespace thaw {

struct Figure {
    std::string name;     // of its file, without the ending
    std::string heading;  // empty: that of the figure before it
    std::string title;    // what a screen reader says of it
    std::string svg;
    std::string caption;
    std::string note = {};  // of how many it shows how many; its file says it, too

    std::string text() const { return caption + (caption.empty() || note.empty() ? "" : " ") + note; }
};

std::vector<Figure> curve_figures(const ReportData& data);
std::vector<Figure> axis_figures(const ReportData& data);
std::optional<Figure> time_figure(const ReportData& data);
std::optional<Figure> parallel_figure(const ReportData& data);
std::optional<HeatMap> freeze_map(const ReportData& data);
/// The confusion matrix of the winner's best trial, of the test images where it was evaluated on those; none where
/// there are no predictions, too many classes to draw, or fewer images than classes.
std::optional<HeatMap> confusion_map(const ReportData& data);

/// What the page says of the configurations that charts show one by one, in the order in which tips name them by
/// number.
std::vector<std::string> configuration_tips(const ReportData& data);

/// The image predictions that the winner is judged by, and of which part they are.
struct WinnerImages {
    const char* part;
    const std::vector<ImageRecord>* images;
    const std::vector<int>* predicted;
};
std::optional<WinnerImages> winner_images(const ReportData& data);
/// Their precision, recall and F1 by class, and the macro average; of many classes those with the lowest F1 alone,
/// which `left_out` then counts. Nothing without such images.
struct WinnerScores {
    Table table;  // class_scores_table()
    std::size_t left_out = 0;
};
std::optional<WinnerScores> winner_scores(const ReportData& data);

}  // namespace thaw
