#include "results/report/report_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include "common/util/text.hpp"
#include "results/report/embedded.hpp"

namespace thaw {
namespace {

/// What the page's style sheet calls colours; programs that make papers know no variables.
constexpr std::array<std::pair<const char*, const char*>, 7> kPaper = {{{"var(--paper)", "#fff"},
                                                                        {"var(--ink)", "#1d2125"},
                                                                        {"var(--quiet)", "#5d646b"},
                                                                        {"var(--line)", "#dddfe0"},
                                                                        {"var(--accent)", "#0b6bcb"},
                                                                        {"var(--warn)", "#a1460b"},
                                                                        {"var(--dot)", "#8d98a3"}}};

std::string paper_style() {
    std::string style = kFiguresCss;
    for (const auto& [name, colour] : kPaper)
        for (std::size_t at = style.find(name); at != std::string::npos; at = style.find(name, at))
            style.replace(at, std::string_view(name).size(), colour);
    return style;
}

std::string path_of(const char* style, const std::vector<SvgPoint>& points, bool joined) {
    std::string d, tips;
    bool pen_down = false, any_tip = false;
    for (const SvgPoint& point : points) {
        const bool drawn = std::isfinite(point.y);
        if (drawn) {
            tips += (d.empty() ? "" : "\n") + clean_text(point.tip);
            any_tip |= !point.tip.empty();
            fmt::format_to(std::back_inserter(d), "{}{:.1f} {:.1f}{}", joined && pen_down ? "L" : "M", point.x, point.y,
                           joined ? "" : "h0");
        }
        pen_down = drawn;
    }
    if (d.empty()) return "";
    return fmt::format("<path class=\"{}\"{} d=\"{}\"/>", style,
                       any_tip ? fmt::format(" data-tips=\"{}\"", escape_html(tips)) : "", d);
}

}  // namespace

Span span_of(const std::vector<double>& values) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const double value : values) {
        if (!std::isfinite(value)) continue;
        low = std::min(low, value);
        high = std::max(high, value);
    }
    if (low > high) return {0, 1};
    const double room = std::max(0.06 * (high - low), 1e-3 * std::max(1.0, std::abs(high)));
    return {low - room, high + room};
}

double spread(std::size_t index) {
    const double whole = static_cast<double>(index) * 0.6180339887498949;
    return whole - std::floor(whole);
}

std::vector<double> ticks(Span span, int wanted) {
    const double raw = (span.high - span.low) / wanted;
    const double magnitude = std::pow(10, std::floor(std::log10(raw)));
    double step = 10 * magnitude;
    for (const double factor : {5.0, 2.0, 1.0})
        if (factor * magnitude >= raw) step = factor * magnitude;
    std::vector<double> places;
    for (double i = std::ceil(span.low / step); i * step <= span.high + 1e-9 * step; ++i)
        places.push_back(i * step + 0.0);  // no -0
    return places;
}

std::string tick_percent(double fraction) {
    return fmt::format("{:.3g} %", 100 * fraction);
}

std::string short_number(double value) {
    return fmt::format("{:.3g}", value);
}

std::string svg_line(const char* style, double x1, double y1, double x2, double y2) {
    return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>", style, x1, y1, x2, y2);
}

std::string svg_label(const char* style, double x, double y, const std::string& text) {
    return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", style, x, y, escape_html(text));
}

std::string svg_dots(const char* style, const std::vector<SvgPoint>& points) {
    return path_of(style, points, false);
}

std::string svg_curve(const char* style, const std::vector<SvgPoint>& points) {
    return path_of(style, points, true);
}

std::string svg_picture(double width, double height, const std::string& title, const std::string& content) {
    return fmt::format(
        "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\" style=\"max-width:{:.0f}px\">{}</svg>",
        width, height, escape_html(title), 1.5 * width, content);
}

std::string standalone_svg(const std::string& picture, const std::string& note) {
    const std::size_t content = picture.find('>') + 1;
    if (!note.empty()) {
        // Below the picture, whose height is the last number of its view box.
        const std::size_t end = picture.find('"', picture.find("viewBox=\"") + 9), start = picture.rfind(' ', end) + 1;
        const double height = std::stod(picture.substr(start, end - start));
        const std::string words = svg_label("tick", 4, height + 12, note);
        const std::size_t close = picture.rfind("</svg>");
        return standalone_svg(picture.substr(0, start) + fmt::format("{:.0f}", height + 18) +
                                  picture.substr(end, close - end) + words + picture.substr(close),
                              "");
    }
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"" +
           picture.substr(4, content - 5) + ">\n<style>\n" + paper_style() + "</style>\n" + picture.substr(content) +
           "\n";
}

}  // namespace thaw
