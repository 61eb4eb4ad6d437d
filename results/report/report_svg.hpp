// The strokes that the report's charts are made of: SVG elements as text, whose colours come from a style sheet.
#pragma once

#include <string>
#include <vector>

namespace thaw {

/// The part of an axis that a chart shows.
struct Span {
    double low = 0, high = 1;
};
/// From the smallest to the largest finite value with a little room; a span of its own where there is none.
Span span_of(const std::vector<double>& values);

/// Where a value lies between two places.
struct Scale {
    Span span;
    double from, to;
    double operator()(double value) const { return from + (to - from) * (value - span.low) / (span.high - span.low); }
};

/// In 0 to 1, far apart for neighbours and the same each time (the golden ratio leaves no pattern).
double spread(std::size_t index);

/// Round numbers inside the span, about `wanted` of them.
std::vector<double> ticks(Span span, int wanted);
std::string tick_percent(double fraction);  // without needless digits: "95 %", "95.5 %"
std::string short_number(double value);

inline constexpr double kCharacter = 6.1;  // width of an average character at 11 px

struct SvgPoint {
    double x, y;
    std::string tip = {};  // what the page says of it under the pointer; a number alone is that of a configuration
};

std::string svg_line(const char* style, double x1, double y1, double x2, double y2);
std::string svg_label(const char* style, double x, double y, const std::string& text);
/// All dots of one kind as one path: far smaller than an element each. Tips go into its attribute data-tips, a line a
/// point; points where y is not a number are left out.
std::string svg_dots(const char* style, const std::vector<SvgPoint>& points);
/// The same, joined by a line that has gaps where points are left out.
std::string svg_curve(const char* style, const std::vector<SvgPoint>& points);
/// A whole picture; `title` is what a screen reader says of it.
std::string svg_picture(double width, double height, const std::string& title, const std::string& content);

/// The picture as a file of its own, in the colours of paper, with a note below it.
std::string standalone_svg(const std::string& picture, const std::string& note);

}  // namespace thaw
