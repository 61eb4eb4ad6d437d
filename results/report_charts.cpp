#include "results/report_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "common/text.hpp"

namespace thaw {
namespace {

constexpr double kWidth = 360;           // of strip and scatter charts, in CSS pixels at full size
constexpr double kCharacter = 6.1;       // an average character at 11 px
constexpr std::size_t kMostDots = 2000;  // in one row or chart; more would only be a blot

/// Where a value lies between two places.
struct Scale {
    Span span;
    double from, to;
    double operator()(double value) const { return from + (to - from) * (value - span.low) / (span.high - span.low); }
};

/// Round numbers inside the span, about `wanted` of them.
std::vector<double> ticks(Span span, int wanted) {
    const double raw = (span.high - span.low) / wanted;
    const double magnitude = std::pow(10, std::floor(std::log10(raw)));
    double step = 10 * magnitude;
    for (const double factor : {5.0, 2.0, 1.0})
        if (factor * magnitude >= raw) step = factor * magnitude;
    std::vector<double> places;
    for (double i = std::ceil(span.low / step); i * step <= span.high + 1e-9 * step; ++i) places.push_back(i * step);
    return places;
}

std::string line(const char* style, double x1, double y1, double x2, double y2) {
    return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>", style, x1, y1, x2, y2);
}

std::string label(const char* style, double x, double y, const std::string& text) {
    return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", style, x, y, escape_html(text));
}

/// Percent without needless digits: "95", "95.5".
std::string tick_percent(double fraction) {
    return fmt::format("{:.3g} %", 100 * fraction);
}

std::string short_number(double value) {
    return fmt::format("{:.3g}", value);
}

std::string svg(double width, double height, const std::string& title, const std::string& content) {
    return fmt::format(
        "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\" style=\"max-width:{:.0f}px\">{}</svg>",
        width, height, escape_html(title), 1.5 * width, content);
}

struct Place {
    double x, y;
};

/// All dots of one kind as one path: far smaller than an element each.
std::string dots_path(const char* style, const std::vector<Place>& places) {
    if (places.empty()) return "";
    std::string d;
    for (const Place& place : places) fmt::format_to(std::back_inserter(d), "M{:.1f} {:.1f}h0", place.x, place.y);
    return fmt::format("<path class=\"{}\" d=\"{}\"/>", style, d);
}

/// Spreads neighbours apart the same way each time (the golden ratio leaves no pattern): in -1..1.
double jitter(std::size_t index) {
    const double whole = static_cast<double>(index) * 0.6180339887498949;
    return 2 * (whole - std::floor(whole)) - 1;
}

/// Plain, random-weights and best dots, each a path; `place` says where a dot goes.
template <typename PlaceOf>
std::string draw_dots(const std::vector<Dot>& dots, const PlaceOf& place) {
    std::vector<Place> plain, random, best;
    const std::size_t stride = 1 + dots.size() / kMostDots;
    for (std::size_t i = 0; i < dots.size(); ++i) {
        if (!std::isfinite(dots[i].accuracy) || (i % stride != 0 && !dots[i].best)) continue;
        (dots[i].best ? best : dots[i].random ? random : plain).push_back(place(dots[i], i));
    }
    return dots_path("dot", plain) + dots_path("dot random", random) + dots_path("dot hole", random) +
           dots_path("dot best", best);
}

/// Labels of two lines' ends, moved apart where they would overlap.
void part(double& first, double& second, double distance) {
    const double missing = distance - std::abs(first - second);
    if (missing <= 0) return;
    const double shift = (first <= second ? -missing : missing) / 2;
    first += shift;
    second -= shift;
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

double Strip::mean() const {
    double sum = 0;
    int count = 0;
    for (const Dot& dot : dots) {
        if (!std::isfinite(dot.accuracy)) continue;
        sum += dot.accuracy;
        ++count;
    }
    return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

std::string strip_chart(const std::string& title, const std::vector<Strip>& strips, Span accuracy) {
    constexpr std::size_t kLongestLabel = 22;
    std::size_t longest = 3;
    for (const Strip& strip : strips) longest = std::max(longest, display_width(cut_text(strip.label, kLongestLabel)));
    const double left = 14 + kCharacter * static_cast<double>(longest), right = kWidth - 52;
    const double row = strips.size() > 8 ? 22 : 32, top = 20, bottom = top + row * static_cast<double>(strips.size());
    const Scale x{accuracy, left, right};
    std::string content = label("tick", right + 8, top - 8, "mean");
    for (const double tick : ticks(accuracy, 5)) {
        content += line("grid", x(tick), top - 2, x(tick), bottom);
        content += label("tick middle", x(tick), bottom + 15, tick_percent(tick));
    }
    for (std::size_t i = 0; i < strips.size(); ++i) {
        const double y = top + row * (static_cast<double>(i) + 0.5);
        content += label("name end", left - 10, y + 4, cut_text(strips[i].label, kLongestLabel));
        content += draw_dots(strips[i].dots, [&](const Dot& dot, std::size_t index) {
            return Place{x(dot.accuracy), y + 0.3 * row * jitter(index)};
        });
        const double mean = strips[i].mean();
        if (!std::isfinite(mean)) continue;
        content += line("mean", x(mean), y - 0.42 * row, x(mean), y + 0.42 * row);
        content += label("name", right + 8, y + 4, fmt::format("{:.1f}", 100 * mean));
    }
    return svg(kWidth, bottom + 22, title, content);
}

std::string scatter_chart(const std::string& title, const std::vector<Dot>& dots, const std::vector<Dot>& means,
                          Span accuracy) {
    constexpr double kHeight = 200, kLeft = 46, kBottom = kHeight - 24;
    std::vector<double> exponents;
    for (const Dot& dot : dots) exponents.push_back(std::log10(dot.x));
    const Scale x{span_of(exponents), kLeft + 8, kWidth - 40}, y{accuracy, kBottom, 12};
    std::string content;
    for (const double tick : ticks(accuracy, 6)) {
        content += line("grid", kLeft, y(tick), kWidth - 32, y(tick));
        content += label("tick end", kLeft - 6, y(tick) + 4, tick_percent(tick));
    }
    std::string path;
    double free_from = 0;  // ticks' labels must not overlap
    for (const Dot& mean : means) {
        const double at = x(std::log10(mean.x));
        if (at >= free_from) content += label("tick middle", at, kBottom + 16, short_number(mean.x));
        if (at >= free_from) free_from = at + 44;
        if (!std::isfinite(mean.accuracy)) continue;
        fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? "M" : "L", at, y(mean.accuracy));
    }
    if (means.empty())
        for (double power = std::ceil(x.span.low); power <= x.span.high; ++power)
            content += label("tick middle", x(power), kBottom + 16, short_number(std::pow(10, power)));
    const double spread = means.empty() ? 0 : 7;
    content += draw_dots(dots, [&](const Dot& dot, std::size_t index) {
        return Place{x(std::log10(dot.x)) + spread * jitter(index), y(dot.accuracy)};
    });
    if (!path.empty()) content += fmt::format("<path class=\"mean\" d=\"{}\"/>", path);
    if (!means.empty() && std::isfinite(means.back().accuracy))
        content += label("name", x(std::log10(means.back().x)) + 12, y(means.back().accuracy) + 4, "mean");
    return svg(kWidth, kHeight, title, content);
}

std::string curve_chart(const std::vector<EpochRecord>& epochs, Curve curve, Span values, int last_epoch) {
    constexpr double kCurveWidth = 230, kHeight = 120, kLeft = 38, kRight = kCurveWidth - 62, kBottom = kHeight - 18;
    const Scale x{{1, std::max(2.0, static_cast<double>(last_epoch))}, kLeft + 4, kRight}, y{values, kBottom, 8};
    std::string content;
    for (const double tick : ticks(values, 5)) {
        content += line("grid", kLeft, y(tick), kRight, y(tick));
        content += label("tick end", kLeft - 5, y(tick) + 4,
                         curve == Curve::accuracy ? tick_percent(tick) : short_number(tick));
    }
    content += label("tick middle", x(1), kBottom + 14, "1");
    if (last_epoch > 1) content += label("tick middle", x(last_epoch), kBottom + 14, fmt::format("{}", last_epoch));
    if (epochs.empty()) return svg(kCurveWidth, kHeight, "no epochs", content);

    const auto value = [&](const EpochRecord& epoch, bool train) {
        if (curve == Curve::accuracy) return train ? epoch.train_accuracy : epoch.validation_accuracy;
        return train ? epoch.train_loss : epoch.validation_loss;
    };
    const auto draw = [&](bool train) {
        std::string path;
        bool pen_down = false;
        for (const EpochRecord& epoch : epochs) {
            const double at = value(epoch, train);
            if (std::isfinite(at))
                fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", pen_down ? "L" : "M", x(epoch.epoch),
                               y(at));
            pen_down = std::isfinite(at);
        }
        if (!path.empty())
            content += fmt::format("<path class=\"{}\" d=\"{}\"/>", train ? "train" : "validation", path);
    };
    draw(true);
    draw(false);
    const EpochRecord& last = epochs.back();
    const double train = value(last, true), validation = value(last, false), end = x(last.epoch);
    if (std::isfinite(validation)) content += dots_path("dot best", {{end, y(validation)}});
    double train_at = y(train), validation_at = y(validation);
    if (std::isfinite(train) && std::isfinite(validation)) part(train_at, validation_at, 12);
    if (std::isfinite(train)) content += label("name quiet", end + 7, train_at + 4, "train");
    if (std::isfinite(validation)) content += label("name strong", end + 7, validation_at + 4, "validation");
    return svg(kCurveWidth, kHeight, curve == Curve::accuracy ? "accuracy by epoch" : "loss by epoch", content);
}

}  // namespace thaw
