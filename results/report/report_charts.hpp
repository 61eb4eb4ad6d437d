// The report's charts as inline SVG. Their colours come from the page's style sheet, so they follow light and dark.
#pragma once

#include <string>
#include <vector>

#include "results/report/report_svg.hpp"
#include "results/store/store.hpp"

namespace thaw {

/// A configuration as a dot.
struct Dot {
    double x = 0;         // scatter_chart only
    double accuracy = 0;  // NaN: not drawn
    bool random = false;  // random weights, drawn hollow
    bool best = false;
    std::string tip = {};  // see SvgPoint
};
/// The configurations with one value of an axis.
struct Strip {
    std::string label;
    double mean = 0;  // NaN: not drawn
    std::vector<Dot> dots;
};

/// Accuracy to the right, one row of dots for each value with a line at their mean.
std::string strip_chart(const std::string& title, const std::vector<Strip>& strips, Span accuracy);

/// A line through the dots.
struct Trend {
    std::string x_label;
    std::vector<Dot> points;  // those without an accuracy only have a tick
    bool at_values = false;   // the points are means of the few values there are: those are the ticks
};
/// Accuracy upwards, a number to the right.
std::string scatter_chart(const std::string& title, const std::vector<Dot>& dots, const Trend& trend, Span accuracy,
                          bool logarithmic);

enum class Curve { accuracy, loss };
/// Training (thin) and validation over the epochs; a line where overfitting begins.
std::string curve_chart(const std::string& title, const std::vector<EpochRecord>& epochs, Curve curve, Span values,
                        int last_epoch);

/// Rows and columns of numbers as a map of shades.
struct HeatMap {
    std::string name;  // of its file, without the ending
    std::string title, row_name, column_name;
    std::vector<std::string> rows, columns;
    struct Cell {
        double heat = 0;     // 0 to 1
        std::string text;    // empty: nothing is there
        std::string note;    // below it
        bool wrong = false;  // in the colour of mistakes
    };
    std::vector<std::vector<Cell>> cells;  // by row
};
std::string heat_chart(const HeatMap& map);

/// One line a configuration, over an axis each and accuracy.
struct Parallel {
    struct Axis {
        std::string label;
        std::vector<std::string> levels;  // from below
    };
    struct Line {
        std::vector<double> places;  // on every axis, 0 (below) to 1
        double rank = 0;             // 0 for the best, 1 for the worst of those shown
        std::string title;
    };
    std::vector<Axis> axes;
    std::vector<Line> lines;  // the best first
};
std::string parallel_chart(const std::string& title, const Parallel& parallel);

}  // namespace thaw
