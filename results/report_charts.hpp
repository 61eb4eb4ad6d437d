// The report's charts as inline SVG. Their colours come from the page's style sheet, so they follow light and dark.
#pragma once

#include <string>
#include <vector>

#include "results/store.hpp"

namespace thaw {

/// The part of an axis that a chart shows.
struct Span {
    double low = 0, high = 1;
};
/// From the smallest to the largest finite value with a little room; a span of its own where there is none.
Span span_of(const std::vector<double>& values);

/// A trial as a dot.
struct Dot {
    double x = 0;         // scatter_chart only
    double accuracy = 0;  // NaN: not drawn
    bool random = false;  // random weights, drawn hollow
    bool best = false;
};
/// The trials with one value of an axis.
struct Strip {
    std::string label;
    std::vector<Dot> dots;
    double mean() const;
};

/// Accuracy to the right, one row of dots for each value with a line at their mean.
std::string strip_chart(const std::string& title, const std::vector<Strip>& strips, Span accuracy);
/// Accuracy upwards, a positive number (logarithmic) to the right; `means` (value and mean) are joined by a line.
std::string scatter_chart(const std::string& title, const std::vector<Dot>& dots, const std::vector<Dot>& means,
                          Span accuracy);

enum class Curve { accuracy, loss };
/// Training (thin) and validation over the epochs.
std::string curve_chart(const std::vector<EpochRecord>& epochs, Curve curve, Span values, int last_epoch);

}  // namespace thaw
